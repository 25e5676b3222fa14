// The kernels for processors with AVX-512 (F, BW, DQ, VL): a vector is one register.
#if defined(__x86_64__)

#include <immintrin.h>

#pragma clang attribute push( \
    __attribute__((target("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl"), min_vector_width(512))), \
    apply_to = function)

#define CKERNELS_TABLE ckernels_avx512
#define CKERNELS_INSTRUCTION_SET CKernelsAVX512
#define CKERNELS_HAS_MASKS 1
#define TILE_ROWS 14
#define TILE_VECTORS 2

#include "kernels_impl.h"

#pragma clang attribute pop

#endif
