// acc = a · b, a row-major and b packed, and what is done with acc while it is still in the first cache.
//
// The file of each kind defines BF16_TILE_ROWS and
//   bf16_tile(rows, depth, columns, a, a_stride, panel, out): out [rows, 32] = a [rows, depth] · a panel, two columns of
//   tiles, of which `columns` ≤ 32 are wanted (the rest comes out as it is in the panel: zero in a packed matrix),
// for rows ≤ BF16_TILE_ROWS; BF16_BEGIN(rows, changed) before tiles of that many rows, and BF16_END() after the last.

enum {
    /// Bytes of packed panels that are gone through for each block of rows: they stay in the second cache.
    BLOCK_OF_PANELS = 384 * 1024,
    /// Rows of x and dy whose products are added to the weight gradient together.
    GRADIENT_DEPTH = 512,
};

/// The finish of `rows` rows of acc [rows, 32], of which `columns` are wanted, at row i and column j of the output.
INLINE void finish_block(
    const CBF16Finish finish, const float *acc, long rows, long i, long j, long columns, const CBF16Output *o) {
    const int left[2] = {
        columns < WIDTH ? (int)columns : WIDTH, columns < WIDTH ? 0 : columns < PANEL_COLUMNS ? (int)columns - WIDTH : WIDTH,
    };
    Vector bias[2] = {splat(0), splat(0)};
    if (o->bias) {
        bias[0] = load_first(o->bias + j, left[0]);
        if (left[1]) bias[1] = load_first(o->bias + j + WIDTH, left[1]);
    }
    switch (finish) {
    case CBF16Store:
    case CBF16Accumulate:
    case CBF16Residual:
        for (long r = 0; r < rows; ++r) {
            EACH(half, 2) {
                if (!left[half]) continue;
                float *out = o->wide + (i + r) * o->wide_stride + j + half * WIDTH;
                Vector v = load(acc + r * PANEL_COLUMNS + half * WIDTH);
                if (finish != CBF16Accumulate) v += bias[half];
                if (finish == CBF16Accumulate) v += load_first(out, left[half]);
                if (finish == CBF16Residual) {
                    v += load_first(o->residual + (i + r) * o->residual_stride + j + half * WIDTH, left[half]);
                }
                store_first(out, v, left[half]);
            }
        }
        break;
    case CBF16Narrow:
        for (long r = 0; r < rows; ++r) {
            EACH(half, 2) {
                const Vector v = load(acc + r * PANEL_COLUMNS + half * WIDTH) + bias[half];
                store_narrow(o->narrow + (i + r) * o->narrow_stride + j + half * WIDTH, narrowed(v));
            }
        }
        break;
    case CBF16GELU:
        for (long r = 0; r < rows; r += 2) {
            // Two rows at a time; the second may be the first once more.
            const long row[2] = {r, r + 1 < rows ? r + 1 : r};
            Vector v[4], phi[4];
            EACH(q, 4) {
                const long at = row[q / 2], half = q % 2;
                const NarrowVector pre = narrowed(load(acc + at * PANEL_COLUMNS + half * WIDTH) + bias[half]);
                store_narrow(o->narrow + (i + at) * o->narrow_stride + j + half * WIDTH, pre);
                v[q] = widened(pre);
            }
            coarse_normal_distributions(4, v, phi);
            EACH(q, 4) {
                const long at = row[q / 2], half = q % 2;
                store_narrow(o->activated + (i + at) * o->activated_stride + j + half * WIDTH, narrowed(v[q] * phi[q]));
            }
        }
        break;
    case CBF16GELUBackward:
        for (long r = 0; r < rows; r += 2) {
            const long row[2] = {r, r + 1 < rows ? r + 1 : r};
            Vector v[4], phi[4], slope[4];
            // All loads before all stores: the results may take the place of pre.
            EACH(q, 4) v[q] = widened(load_narrow(o->pre + (i + row[q / 2]) * o->pre_stride + j + q % 2 * WIDTH));
            coarse_normal_distributions(4, v, phi);
            coarse_gelu_slopes(4, v, slope);
            EACH(q, 4) {
                const long at = row[q / 2], half = q % 2;
                const Vector d = load(acc + at * PANEL_COLUMNS + half * WIDTH);
                store_narrow(o->narrow + (i + at) * o->narrow_stride + j + half * WIDTH, narrowed(d * slope[q]));
                if (o->activated) {
                    store_narrow(
                        o->activated + (i + at) * o->activated_stride + j + half * WIDTH, narrowed(v[q] * phi[q]));
                }
            }
        }
        break;
    }
}

#define BF16_FINISH(kind) \
    case kind: finish_block(kind, acc, rows, i, j, columns, o); break;

static __attribute__((noinline)) void finish_tile(
    const float *acc, long rows, long i, long j, long columns, const CBF16Output *o) {
    switch (o->finish) {
        BF16_FINISH(CBF16Store)
        BF16_FINISH(CBF16Accumulate)
        BF16_FINISH(CBF16Residual)
        BF16_FINISH(CBF16Narrow)
        BF16_FINISH(CBF16GELU)
        BF16_FINISH(CBF16GELUBackward)
    }
}

static void product(
    const uint16_t *a, long a_stride, const uint16_t *b, long rows, long depth, long columns, CBF16Output output) {
    _Alignas(64) float acc[BF16_TILE_ROWS * PANEL_COLUMNS];
    if (rows < 1 || columns < 1) return;
    const long tiles = (depth + TILE_DEPTH - 1) / TILE_DEPTH;
    const long panel = 2 * tiles * TILE_ELEMENTS;
    const long panels = (columns + PANEL_COLUMNS - 1) / PANEL_COLUMNS;
    long at_once = BLOCK_OF_PANELS / (panel * (long)sizeof(uint16_t) + 1);
    if (at_once < 1) at_once = 1;
    // Blocks of nearly equal size.
    const long blocks = (panels + at_once - 1) / at_once;
    const BF16RowSplit split = bf16_split(rows);
    for (long block = 0; block < blocks; ++block) {
        const long from = panels * block / blocks, to = panels * (block + 1) / blocks;
        long i = 0;
        for (long t = 0; t < split.count; ++t) {
            const long tall = bf16_rows(split, t);
            BF16_BEGIN(tall, t == 0 || tall != bf16_rows(split, t - 1));
            for (long p = from; p < to; ++p) {
                const long left = columns - p * PANEL_COLUMNS;
                const long wide = left < PANEL_COLUMNS ? left : PANEL_COLUMNS;
                bf16_tile(tall, depth, wide, a + i * a_stride, a_stride, b + p * panel, acc);
                finish_tile(acc, tall, i, p * PANEL_COLUMNS, wide, &output);
            }
            i += tall;
        }
    }
    BF16_END();
}

static long weight_gradient_scratch(long outputs, long inputs) {
    return (outputs + round_up_32(inputs)) * (GRADIENT_DEPTH + TILE_DEPTH) + TILE_ELEMENTS;
}

static void weight_gradient(
    const uint16_t *x, long x_stride, const uint16_t *dy, long dy_stride, long rows, long outputs, long inputs,
    float *d_weight, float *d_bias, uint16_t *scratch) {
    const long parts = (rows + GRADIENT_DEPTH - 1) / GRADIENT_DEPTH;
    for (long part = 0; part < parts; ++part) {
        // Whole tiles but for the last part, all nearly equal.
        const long tiles = (rows + TILE_DEPTH - 1) / TILE_DEPTH;
        const long from = tiles * part / parts * TILE_DEPTH;
        const long end = tiles * (part + 1) / parts * TILE_DEPTH;
        const long depth = (end < rows ? end : rows) - from;
        // Rows at distances of a power of two would meet in a few sets of the cache.
        const long stride = round_up_32(depth) + (round_up_32(depth) % 128 == 0 ? TILE_DEPTH : 0);
        uint16_t *packed = scratch, *transposed = scratch + round_up_32(inputs) * round_up_32(depth);
        pack_rows(x + from * x_stride, x_stride, depth, inputs, packed);
        transpose_rows(dy + from * dy_stride, dy_stride, depth, outputs, transposed, stride, d_bias);
        product(
            transposed, stride, packed, outputs, depth, inputs,
            (CBF16Output){.finish = CBF16Accumulate, .wide = d_weight, .wide_stride = inputs});
    }
}
