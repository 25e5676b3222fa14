// The tile product on VDPBF16PS: each lane of an accumulator adds the products of a pair.

enum { BF16_TILE_ROWS = 14 };

INLINE void bf16_tile_of(
    const int rows, const int vectors, long depth, const uint16_t *a, long a_stride, const uint16_t *panel, float *out) {
    __m512 tile[BF16_TILE_ROWS][2];
    EACH(i, rows) {
        EACH(j, vectors) tile[i][j] = _mm512_setzero_ps();
    }
    const uint16_t *second = panel + (depth + TILE_DEPTH - 1) / TILE_DEPTH * TILE_ELEMENTS;
    // Pairs one after the other: unrolled in full, the compiler would load all of them first.
    for (long pair = 0; 2 * pair < depth; ++pair) {
        __m512bh b[2];
        EACH(j, vectors) memcpy(&b[j], (j ? second : panel) + pair * 2 * WIDTH, sizeof b[j]);
        EACH(i, rows) {
            int32_t value;
            memcpy(&value, a + i * a_stride + 2 * pair, sizeof value);
            const __m512bh pairs = (__m512bh)_mm512_set1_epi32(value);
            EACH(j, vectors) tile[i][j] = _mm512_dpbf16_ps(tile[i][j], pairs, b[j]);
        }
    }
    EACH(i, rows) {
        EACH(j, 2) {
            _mm512_storeu_ps(out + i * PANEL_COLUMNS + j * WIDTH, j < vectors ? tile[i][j] : _mm512_setzero_ps());
        }
    }
}

#define BF16_TILE_CASE(count) \
    case count: \
        if (columns > WIDTH) { \
            bf16_tile_of(count, 2, depth, a, a_stride, panel, out); \
        } else { \
            bf16_tile_of(count, 1, depth, a, a_stride, panel, out); \
        } \
        break;

static __attribute__((noinline)) void bf16_tile(
    long rows, long depth, long columns, const uint16_t *a, long a_stride, const uint16_t *panel, float *out) {
    switch (rows) {
        BF16_TILE_CASE(1)
        BF16_TILE_CASE(2)
        BF16_TILE_CASE(3)
        BF16_TILE_CASE(4)
        BF16_TILE_CASE(5)
        BF16_TILE_CASE(6)
        BF16_TILE_CASE(7)
        BF16_TILE_CASE(8)
        BF16_TILE_CASE(9)
        BF16_TILE_CASE(10)
        BF16_TILE_CASE(11)
        BF16_TILE_CASE(12)
        BF16_TILE_CASE(13)
        BF16_TILE_CASE(14)
    }
}

#include "bf16_even_rows_impl.h"
