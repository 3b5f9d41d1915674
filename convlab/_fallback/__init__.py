"""Every kernel of _registry in NumPy, with the compiled kernel's arguments (arrays, tables, threads)."""
