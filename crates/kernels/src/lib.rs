//! SIMD kernels under one arithmetic contract.
