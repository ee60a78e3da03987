"""What a Python team would pick instead, doing the same work: see `bench/speed_variants.py`."""
