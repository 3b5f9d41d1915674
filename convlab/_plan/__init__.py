"""How an operation is computed: which kernel, in what blocks, on how many threads, in how much memory, and why.

A plan is a pure function of a spec and of machine facts, so that a plan for another machine can be made here. It knows
no arrays, but for the tables that it hands to a kernel. Plans are cached by the content of a call's arguments.
"""
