// bfloat16 for processors with AMX (Sapphire Rapids and later), which all have AVX512-BF16.
#if defined(__x86_64__)

#include <immintrin.h>

#pragma clang attribute push( \
    __attribute__(( \
        target("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,amx-tile,amx-bf16"), min_vector_width(512))), \
    apply_to = function)

#define BF16_TABLE ckernels_bf16_amx
#define BF16_KIND CBF16AMX
#define BF16_TILE "bf16_amx_impl.h"
#define CKERNELS_HAS_MASKS 1
#define BF16_HAS_CONVERSION 1
#define TILE_CONFIGURE(configuration) _tile_loadconfig(configuration)
#define TILE_FREE() _tile_release()
#define TILE_ZERO(t) _tile_zero(t)
#define TILE_LOAD(t, from, bytes) _tile_loadd(t, from, bytes)
#define TILE_DOT(t, a, b) _tile_dpbf16ps(t, a, b)
#define TILE_STORE(t, to, bytes) _tile_stored(t, to, bytes)

#include "bf16_impl.h"

#pragma clang attribute pop

#endif
