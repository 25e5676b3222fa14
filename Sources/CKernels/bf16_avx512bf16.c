// bfloat16 for processors with AVX512-BF16 (Cooper Lake, Sapphire Rapids, Zen 4 and later).
#if defined(__x86_64__)

#include <immintrin.h>

#pragma clang attribute push( \
    __attribute__((target("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl,avx512bf16"), min_vector_width(512))), \
    apply_to = function)

#define BF16_TABLE ckernels_bf16_avx512bf16
#define BF16_KIND CBF16AVX512BF16
#define BF16_TILE "bf16_dot_impl.h"
#define CKERNELS_HAS_MASKS 1
#define BF16_HAS_CONVERSION 1

#include "bf16_impl.h"

#pragma clang attribute pop

#endif
