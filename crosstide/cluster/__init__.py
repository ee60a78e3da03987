"""A real broker and a real Flink cluster on this machine's loopback, for people and for the tests."""
