"""The speed suite: ``python -m benchmarks``."""
