"""What an operation is: argument checks, dtype rules, output shape, flops and bytes. All size arithmetic is here.

A spec knows nothing of how it will be computed. Its builders take an array's shape and dtype, never an array.
"""
