// bfloat16 for processors with AVX2 and FMA, on float32 arithmetic.
#if defined(__x86_64__)

#include <immintrin.h>

#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)

#define BF16_TABLE ckernels_bf16_avx2
#define BF16_KIND CBF16AVX2
#define BF16_TILE "bf16_generic_impl.h"
#define TILE_ROWS 6
#define TILE_VECTORS 1

#include "bf16_impl.h"

#pragma clang attribute pop

#endif
