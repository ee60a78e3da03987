"""Tests in layers: pure, harness, mini-cluster, cluster."""
