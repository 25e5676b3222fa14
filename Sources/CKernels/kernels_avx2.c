// The kernels for processors with AVX2 and FMA: a vector is two registers.
#if defined(__x86_64__)

#include <immintrin.h>

#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)

#define CKERNELS_TABLE ckernels_avx2
#define CKERNELS_INSTRUCTION_SET CKernelsAVX2
#define TILE_ROWS 6
#define TILE_VECTORS 1

#include "kernels_impl.h"

#pragma clang attribute pop

#endif
