"""Kernels built for the instructions that every CPU of the processor's kind has."""
