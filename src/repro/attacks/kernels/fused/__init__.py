"""The same functions as Triton kernels: float32 on CUDA, or on the CPU under Triton's interpreter.

Importing a module of this package needs ``triton``. The interpreter is chosen by the environment variable
``TRITON_INTERPRET=1``, which Triton reads when a kernel is defined.
"""
