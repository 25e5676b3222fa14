// Matrix products on strided matrices, for attention, where a head's q, k, v lie inside rows of all heads and are too
// small to earn back what a BLAS call costs, and for linear maps whose weights stay in the second cache.
//
// B is packed in panels of a few vectors; A is read where it lies, one number for a row of a register tile.

enum {
    PANEL = TILE_VECTORS * WIDTH,
    /// Depth of a packed panel; 256 · 32 floats = 32 KiB, on the stack and in the first or second cache.
    PANEL_DEPTH = 256,
    /// Numbers of A that are used again for every panel; 512 KiB, half of a second cache.
    BLOCK_OF_A = 131072,
};

/// A tile of C = [C +] alpha · A · B [+ bias] for `rows` rows (a constant after inlining) and a panel's columns.
///
/// A(i, k) = a[i · row_stride + k · depth_stride]; B is packed [depth, PANEL]; `columns` ≤ PANEL are stored.
INLINE void product_tile(
    const int rows, const int vectors, long depth, float alpha, const float *a, long row_stride, long depth_stride,
    const float *panel, long columns, const float *bias, int accumulate, float *c, long c_stride) {
    Vector tile[TILE_ROWS][TILE_VECTORS];
    EACH(i, rows) {
        EACH(j, vectors) tile[i][j] = splat(0);
    }
    for (long k = 0; k < depth; ++k) {
        Vector b[TILE_VECTORS];
        EACH(j, vectors) b[j] = load(panel + k * PANEL + j * WIDTH);
        EACH(i, rows) {
            const Vector value = splat(a[i * row_stride + k * depth_stride]);
            EACH(j, vectors) tile[i][j] += value * b[j];
        }
    }
    const int last = (int)(columns - (vectors - 1) * WIDTH);
    EACH(i, rows) {
        EACH(j, vectors) {
            const int n = j == vectors - 1 ? last : WIDTH;
            float *out = c + i * c_stride + j * WIDTH;
            Vector v = tile[i][j] * alpha;
            if (accumulate) v += load_first(out, n);
            if (bias) v += load_first(bias + j * WIDTH, n);
            store_first(out, v, n);
        }
    }
}

#define PRODUCT_ARGUMENTS depth, alpha, a, row_stride, depth_stride, panel, columns, bias, accumulate, c, c_stride
#define PRODUCT_CASE(rows) \
    case rows: \
        if (rows > TILE_ROWS) break; \
        if (TILE_VECTORS > 1 && columns > WIDTH) { \
            product_tile(rows < TILE_ROWS ? rows : TILE_ROWS, TILE_VECTORS, PRODUCT_ARGUMENTS); \
        } else { \
            product_tile(rows < TILE_ROWS ? rows : TILE_ROWS, 1, PRODUCT_ARGUMENTS); \
        } \
        break;

/// One tile, with loops unrolled for its number of rows.
INLINE void product_rows(
    long rows, long depth, float alpha, const float *a, long row_stride, long depth_stride, const float *panel,
    long columns, const float *bias, int accumulate, float *c, long c_stride) {
    switch (rows) {
        PRODUCT_CASE(1)
        PRODUCT_CASE(2)
        PRODUCT_CASE(3)
        PRODUCT_CASE(4)
        PRODUCT_CASE(5)
        PRODUCT_CASE(6)
        PRODUCT_CASE(7)
        PRODUCT_CASE(8)
        PRODUCT_CASE(9)
        PRODUCT_CASE(10)
        PRODUCT_CASE(11)
        PRODUCT_CASE(12)
        PRODUCT_CASE(13)
        PRODUCT_CASE(14)
    }
}

static __attribute__((noinline)) void product_rows_of_plain(
    long rows, long depth, float alpha, const float *a, long row_stride, const float *panel, long columns,
    const float *bias, int accumulate, float *c, long c_stride) {
    product_rows(rows, depth, alpha, a, row_stride, 1, panel, columns, bias, accumulate, c, c_stride);
}

static __attribute__((noinline)) void product_rows_of_transposed(
    long rows, long depth, float alpha, const float *a, long depth_stride, const float *panel, long columns,
    const float *bias, int accumulate, float *c, long c_stride) {
    product_rows(rows, depth, alpha, a, 1, depth_stride, panel, columns, bias, accumulate, c, c_stride);
}

/// panel[k, j] = b[k · stride + j] for `columns` ≤ PANEL columns; the rest of the last vector is 0.
static void pack_plain(const float *b, long stride, long depth, long columns, float *panel) {
    for (long k = 0; k < depth; ++k) {
        FOR_VECTORS(j, n, columns, store(panel + k * PANEL + j, load_first(b + k * stride + j, n)););
    }
}

/// panel[k, j] = b[j · stride + k]; the rest of the last vector is 0.
static void pack_transposed(const float *b, long stride, long depth, long columns, float *panel) {
    FOR_VECTORS(j, count, columns, {
        FOR_VECTORS(k, n, depth, {
            transpose_block(b + j * stride + k, stride, count, n, panel + k * PANEL + j, PANEL);
        });
    });
}

/// C [rows, columns] = [C +] alpha · op(A) · op(B) [+ bias], where op(A) is [rows, depth], op(B) [depth, columns].
///
/// Strides are the distances of the rows of A, B and C as stored. The bias [columns] is null or added to every row.
INLINE void strided_product(
    long rows, long columns, long depth, float alpha, const float *a, long a_stride, int a_transposed,
    const float *b, long b_stride, int b_transposed, const float *bias, int accumulate, float *c, long c_stride) {
    _Alignas(64) float panel[PANEL_DEPTH * PANEL];
    // Blocks of rows whose part of A is still in the second cache for the next panel.
    const long block = BLOCK_OF_A / (depth < 1 ? 1 : depth < PANEL_DEPTH ? depth : PANEL_DEPTH);
    for (long top = 0; top < rows; top += block) {
        const long bottom = rows - top < block ? rows : top + block;
        // Tiles of nearly equal height.
        const long tiles = (bottom - top + TILE_ROWS - 1) / TILE_ROWS;
        const long height = (bottom - top) / tiles, taller = (bottom - top) % tiles;
        for (long k = 0; k < depth; k += PANEL_DEPTH) {
            const long part = depth - k < PANEL_DEPTH ? depth - k : PANEL_DEPTH;
            const int add_to_c = accumulate || k > 0;
            for (long j = 0; j < columns; j += PANEL) {
                const long width = columns - j < PANEL ? columns - j : PANEL;
                const float *start = bias && k == 0 ? bias + j : 0;
                if (b_transposed) {
                    pack_transposed(b + j * b_stride + k, b_stride, part, width, panel);
                } else {
                    pack_plain(b + k * b_stride + j, b_stride, part, width, panel);
                }
                long i = top;
                for (long t = 0; t < tiles; ++t) {
                    const long tall = height + (t < taller);
                    float *out = c + i * c_stride + j;
                    if (a_transposed) {
                        product_rows_of_transposed(
                            tall, part, alpha, a + k * a_stride + i, a_stride, panel, width, start, add_to_c, out,
                            c_stride);
                    } else {
                        product_rows_of_plain(
                            tall, part, alpha, a + i * a_stride + k, a_stride, panel, width, start, add_to_c, out,
                            c_stride);
                    }
                    i += tall;
                }
            }
        }
    }
}

static __attribute__((noinline)) void product_nn(
    long rows, long columns, long depth, const float *a, long a_stride, const float *b, long b_stride,
    int accumulate, float *c, long c_stride) {
    strided_product(rows, columns, depth, 1, a, a_stride, 0, b, b_stride, 0, 0, accumulate, c, c_stride);
}

static __attribute__((noinline)) void product_nt(
    long rows, long columns, long depth, float alpha, const float *a, long a_stride, const float *b, long b_stride,
    const float *bias, int accumulate, float *c, long c_stride) {
    strided_product(rows, columns, depth, alpha, a, a_stride, 0, b, b_stride, 1, bias, accumulate, c, c_stride);
}

static __attribute__((noinline)) void product_tn(
    long rows, long columns, long depth, const float *a, long a_stride, const float *b, long b_stride,
    int accumulate, float *c, long c_stride) {
    strided_product(rows, columns, depth, 1, a, a_stride, 1, b, b_stride, 0, 0, accumulate, c, c_stride);
}

static void linear(
    const float *x, long rows, long inputs, const float *weight, long outputs, const float *bias, float *y) {
    product_nt(rows, outputs, inputs, 1, x, inputs, weight, inputs, bias, 0, y, outputs);
}

static void linear_backward_input(
    const float *dy, long rows, long outputs, const float *weight, long inputs, int accumulate, float *dx) {
    product_nn(rows, inputs, outputs, dy, outputs, weight, inputs, accumulate, dx, inputs);
}

static void linear_backward_weight(
    const float *dy, long rows, long outputs, const float *x, long inputs, float *d_weight) {
    product_tn(outputs, inputs, rows, dy, outputs, x, inputs, 1, d_weight, inputs);
}
