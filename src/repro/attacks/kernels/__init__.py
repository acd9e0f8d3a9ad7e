"""The elementwise parts of attacks, each as one pass over memory.

Every module has a plain torch reference, which runs everywhere, and a public function that takes the Triton
kernel of ``kernels/fused`` instead where the tensors lie on CUDA. Functions whose name ends in an underscore
write their first argument in place, so that they can be replayed from a CUDA graph. Numbers are float32,
whatever format the network computes in; the references also take float64.
"""
