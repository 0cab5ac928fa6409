"""Benchmarks: the product beside a bare prototype of the same path, in the same run (design: quality.md)."""
