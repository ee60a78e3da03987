"""Flink operators: unpack, one call into `models`, pack. Importable and testable without Java."""
