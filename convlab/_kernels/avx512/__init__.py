"""Kernels built for x86-64 with the AVX-512 of x86-64-v4."""
