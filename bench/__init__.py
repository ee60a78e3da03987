"""Measurements: every figure that we claim is printed by a command in here."""
