"""What kernels can be compiled for."""
