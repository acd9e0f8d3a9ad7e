"""The elementwise parts of attacks, each as one pass over memory.

A function is written in plain torch, which runs everywhere; where its tensors lie on CUDA its twin in
``kernels/fused``, a Triton kernel, runs instead. Functions whose name ends in an underscore write their first
argument in place, so that they can be replayed from a CUDA graph. Numbers are float32, whatever format the
network computes in; plain torch also takes float64.
"""
