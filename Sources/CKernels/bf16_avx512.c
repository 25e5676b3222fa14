// bfloat16 for processors with AVX-512 (F, BW, DQ, VL) but without its bfloat16 instructions, on float32 arithmetic.
#if defined(__x86_64__)

#include <immintrin.h>

#pragma clang attribute push( \
    __attribute__((target("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl"), min_vector_width(512))), \
    apply_to = function)

#define BF16_TABLE ckernels_bf16_avx512
#define BF16_KIND CBF16AVX512
#define BF16_TILE "bf16_generic_impl.h"
#define CKERNELS_HAS_MASKS 1
#define TILE_ROWS 12
#define TILE_VECTORS 2

#include "bf16_impl.h"

#pragma clang attribute pop

#endif
