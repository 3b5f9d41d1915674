"""The compiled kernels, one folder per instruction set. Nothing here is imported before the CPU is asked."""
