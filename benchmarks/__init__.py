"""Benchmarks against other libraries; `python -m benchmarks.compare`. Not part of the package."""
