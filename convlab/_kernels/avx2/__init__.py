"""Kernels built for x86-64 with AVX2 and FMA."""
