// The tile product on float32 arithmetic: both operands are widened on the way.

enum {
    BF16_TILE_ROWS = TILE_ROWS,
    /// Depth whose part of a is widened at once; 14 · 512 floats = 28 KiB, on the stack and in the first cache.
    WIDENED_DEPTH = 512,
};

INLINE void bf16_tile_of(
    const int rows, const int vectors, long depth, const float *a, const uint16_t *panel, long next_tile, float *out,
    int accumulate) {
    Vector tile[TILE_ROWS][TILE_VECTORS];
    EACH(i, rows) {
        EACH(j, vectors) tile[i][j] = accumulate ? load(out + i * PANEL_COLUMNS + j * WIDTH) : splat(0);
    }
    for (long k = 0; k < depth; k += 2) {
        WordVector pairs[TILE_VECTORS];
        EACH(j, vectors) pairs[j] = (WordVector)load((const float *)(panel + j * next_tile + k * WIDTH));
        EACH(i, rows) {
            const Vector value = splat(a[i * WIDENED_DEPTH + k]);
            EACH(j, vectors) tile[i][j] += value * (Vector)(pairs[j] << 16);
        }
        EACH(i, rows) {
            const Vector value = splat(a[i * WIDENED_DEPTH + k + 1]);
            EACH(j, vectors) tile[i][j] += value * (Vector)(pairs[j] & 0xffff0000u);
        }
    }
    EACH(i, rows) {
        EACH(j, vectors) store(out + i * PANEL_COLUMNS + j * WIDTH, tile[i][j]);
    }
}

#define BF16_TILE_CASE(count) \
    case count: \
        if (count > TILE_ROWS) break; \
        for (int j = 0; j < 2; j += TILE_VECTORS) { \
            bf16_tile_of( \
                count < TILE_ROWS ? count : TILE_ROWS, TILE_VECTORS, part, widened_a, \
                panel + j * tiles * TILE_ELEMENTS + k * WIDTH, tiles * TILE_ELEMENTS, out + j * WIDTH, k > 0); \
        } \
        break;

static __attribute__((noinline)) void bf16_tile(
    long rows, long depth, long columns, const uint16_t *a, long a_stride, const uint16_t *panel, float *out) {
    const long tiles = (depth + TILE_DEPTH - 1) / TILE_DEPTH;
    (void)columns;
    _Alignas(64) float widened_a[TILE_ROWS * WIDENED_DEPTH];
    for (long k = 0; k < tiles * TILE_DEPTH; k += WIDENED_DEPTH) {
        const long left = tiles * TILE_DEPTH - k, part = left < WIDENED_DEPTH ? left : WIDENED_DEPTH;
        for (long i = 0; i < rows; ++i) {
            for (long l = 0; l < part; l += WIDTH) {
                store(widened_a + i * WIDENED_DEPTH + l, widened(load_narrow(a + i * a_stride + k + l)));
            }
        }
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
}

#include "bf16_even_rows_impl.h"
