"""How a plan is executed: the arrays that a kernel needs, the kernel, and what is left to do after it."""
