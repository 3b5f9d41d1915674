"""Kernels built for aarch64."""
