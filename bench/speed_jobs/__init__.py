"""Flink jobs that the bench submits beside ours. Entry files: each is run by `flink run -py`."""
