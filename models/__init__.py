"""Mathematics and rules: numpy and plain Python, no Flink, no clock, no I/O."""
