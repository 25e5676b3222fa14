// Between row-major and packed.

/// A tile of a packed matrix from `depth` ≤ 32 rows of `columns` ≤ 16 numbers: pairs of rows, interleaved.
INLINE void pack_tile(const uint16_t *from, long stride, long depth, long columns, uint16_t *tile) {
    EACH(pair, 16) {
        NarrowVector a = {}, b = {};
        if (2 * pair < depth) a = load_narrow_first(from + 2 * pair * stride, columns);
        if (2 * pair + 1 < depth) b = load_narrow_first(from + (2 * pair + 1) * stride, columns);
        store((float *)tile + pair * WIDTH, interleaved(a, b));
    }
}

/// packed [depth, columns] = from [depth, columns].
static __attribute__((noinline)) void pack_rows(
    const uint16_t *from, long stride, long depth, long columns, uint16_t *packed) {
    const long tiles = (depth + TILE_DEPTH - 1) / TILE_DEPTH;
    // Down the rows first: they are read where they lie, a cache line for two tiles.
    for (long k = 0; k < tiles; ++k) {
        const long rows = depth - k * TILE_DEPTH < TILE_DEPTH ? depth - k * TILE_DEPTH : TILE_DEPTH;
        const uint16_t *top = from + k * TILE_DEPTH * stride;
        for (long j = 0; j < round_up_32(columns); j += WIDTH) {
            uint16_t *tile = packed + (j / WIDTH * tiles + k) * TILE_ELEMENTS;
            const long left = columns - j;
            if (rows == TILE_DEPTH && left >= WIDTH) {
                pack_tile(top + j, stride, TILE_DEPTH, WIDTH, tile);
            } else {
                pack_tile(top + j, stride, left > 0 ? rows : 0, left < WIDTH ? left : WIDTH, tile);
            }
        }
    }
}

/// packed [depth, columns] = from [columns, depth]ᵀ at an even stride, whose rows can be read up to a multiple of 32, where
/// they are zero.
static __attribute__((noinline)) void pack_columns(
    const uint16_t *from, long stride, long depth, long columns, uint16_t *packed) {
    const long tiles = (depth + TILE_DEPTH - 1) / TILE_DEPTH;
    for (long j = 0; j < round_up_32(columns); j += WIDTH) {
        const long left = columns - j;
        for (long k = 0; k < tiles; ++k) {
            float *tile = (float *)(packed + (j / WIDTH * tiles + k) * TILE_ELEMENTS);
            const float *pairs = (const float *)(from + j * stride + k * TILE_DEPTH);
            if (left >= WIDTH) {
                transpose_block(pairs, stride / 2, WIDTH, WIDTH, tile, WIDTH);
            } else {
                transpose_block(pairs, stride / 2, left > 0 ? (int)left : 0, WIDTH, tile, WIDTH);
            }
        }
    }
}

/// to [columns, depth] = from [depth, columns]ᵀ as a narrow matrix; sums [columns] += Σ over the depth, where not null.
///
/// Rows of `from` can be read up to a multiple of 16.
static __attribute__((noinline)) void transpose_rows(
    const uint16_t *from, long stride, long depth, long columns, uint16_t *to, long to_stride, float *sums) {
    for (long k = 0; k < depth; k += TILE_DEPTH) {
        const long rows = depth - k < TILE_DEPTH ? depth - k : TILE_DEPTH;
        for (long j = 0; j < columns; j += WIDTH) {
            const int left = columns - j < WIDTH ? (int)(columns - j) : WIDTH;
            const uint16_t *top = from + k * stride + j;
            Vector pairs[WIDTH];
            Vector even = splat(0), odd = splat(0);
            EACH(pair, WIDTH) {
                NarrowVector a = {}, b = {};
                if (2 * pair < rows) a = load_narrow(top + 2 * pair * stride);
                if (2 * pair + 1 < rows) b = load_narrow(top + (2 * pair + 1) * stride);
                even += widened(a);
                odd += widened(b);
                pairs[pair] = interleaved(a, b);
            }
            if (sums) store_first(sums + j, load_first(sums + j, left) + (even + odd), left);
            float block[WIDTH * WIDTH];
            transpose_block((const float *)pairs, WIDTH, WIDTH, WIDTH, block, WIDTH);
            for (int i = 0; i < left; ++i) {
                memcpy(to + (j + i) * to_stride + k, block + i * WIDTH, WIDTH * sizeof(float));
            }
        }
    }
}

static void pack_weight(
    const float *weight, long outputs, long inputs, long first, long last, uint16_t *forward, uint16_t *backward) {
    const long input_tiles = (inputs + TILE_DEPTH - 1) / TILE_DEPTH;
    const long output_tiles = (outputs + TILE_DEPTH - 1) / TILE_DEPTH;
    for (long o = first; o < last; o += TILE_DEPTH) {
        const long rows = last - o < TILE_DEPTH ? last - o : TILE_DEPTH;
        for (long i = 0; i < inputs; i += TILE_DEPTH) {
            // 32 × 32 weights, rounded: out of them two tiles for each form.
            uint16_t block[TILE_DEPTH * TILE_DEPTH];
            for (long r = 0; r < TILE_DEPTH; ++r) {
                EACH(half, 2) {
                    const long left = r < rows ? inputs - i - half * WIDTH : 0;
                    Vector v = splat(0);
                    const float *from = weight + (o + r) * inputs + i + half * WIDTH;
                    if (left > 0) v = load_first(from, left < WIDTH ? (int)left : WIDTH);
                    store_narrow(block + r * TILE_DEPTH + half * WIDTH, narrowed(v));
                }
            }
            EACH(half, 2) {
                if (forward) {
                    uint16_t *tile = forward + (((o / WIDTH) + half) * input_tiles + i / TILE_DEPTH) * TILE_ELEMENTS;
                    transpose_block(
                        (const float *)(block + half * WIDTH * TILE_DEPTH), WIDTH, WIDTH, WIDTH, (float *)tile, WIDTH);
                }
                if (backward) {
                    uint16_t *tile = backward + (((i / WIDTH) + half) * output_tiles + o / TILE_DEPTH) * TILE_ELEMENTS;
                    pack_tile(block + half * WIDTH, TILE_DEPTH, TILE_DEPTH, WIDTH, tile);
                }
            }
        }
    }
}

static void narrow_rows(const float *x, long rows, long columns, long x_stride, uint16_t *y, long y_stride) {
    for (long i = 0; i < rows; ++i) {
        FOR_VECTORS(j, n, columns, store_narrow(y + i * y_stride + j, narrowed(load_first(x + i * x_stride + j, n))););
        const long end = (columns + WIDTH - 1) / WIDTH * WIDTH;
        if (end < round_up_32(columns)) store_narrow(y + i * y_stride + end, (NarrowVector){});
    }
}

static void widen_rows(
    const uint16_t *x, long rows, long columns, long x_stride, float *y, long y_stride, int accumulate) {
    for (long i = 0; i < rows; ++i) {
        float *out = y + i * y_stride;
        FOR_VECTORS(j, n, columns, {
            const Vector v = widened(load_narrow_first(x + i * x_stride + j, n));
            store_first(out + j, accumulate ? load_first(out + j, n) + v : v, n);
        });
    }
}
