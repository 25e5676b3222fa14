// Attention of one head. Scores exist for a block of queries (forward) or keys (backward) at a time, in the first cache;
// the backward pass computes them again from the sum of their exponentials.

enum {
    /// Rows of a block of scores.
    SCORE_ROWS = BF16_TILE_ROWS,
};

#define LOG2_E 1.44269504f

INLINE uint16_t *take(uint16_t **scratch, long elements) {
    uint16_t *taken = *scratch;
    *scratch += (elements + 31) / 32 * 32;
    return taken;
}

static long attention_scratch(long queries, long keys, long width) {
    const long q = round_up_32(queries), k = round_up_32(keys), w = round_up_32(width);
    const long longest = q > k ? q : k;
    const long forward = q * w + 4 * k * w + SCORE_ROWS * (3 * k + w);
    const long backward = 6 * q * w + 4 * k * w + 4 * q + 2 * k * q + SCORE_ROWS * (6 * longest + q) + 2 * longest * w;
    return (forward > backward ? forward : backward) + 32 * 32;
}

/// Rows copied together, [round_up_32(rows), round_up_32(width)], zero beyond.
static void gather_rows(CBF16Rows rows, long width, uint16_t *to) {
    const long stride = round_up_32(width);
    uint16_t *out = to;
    for (long i = 0; i < rows.first_count + rows.second_count; ++i, out += stride) {
        const uint16_t *from = i < rows.first_count ? rows.first + i * rows.stride
                                                    : rows.second + (i - rows.first_count) * rows.stride;
        for (long j = 0; j < stride; j += WIDTH) {
            const long left = width - j;
            store_narrow(out + j, left > 0 ? load_narrow_first(from + j, left) : (NarrowVector){});
        }
    }
    const long end = round_up_32(rows.first_count + rows.second_count) * stride;
    memset(out, 0, (size_t)(to + end - out) * sizeof *out);
}

/// Rows as products read them.
typedef struct {
    const uint16_t *rows;
    long stride;
} Operand;

/// The rows where they lie, if they are in one piece, as wide as tiles are deep and even apart (pairs are read as one
/// number); else copied together to `to`.
INLINE Operand operand(CBF16Rows rows, long width, uint16_t *to) {
    if (width % TILE_DEPTH == 0 && rows.stride % 2 == 0) {
        if (rows.first_count == 0) return (Operand){rows.second, rows.stride};
        if (rows.second_count == 0) return (Operand){rows.first, rows.stride};
    }
    gather_rows(rows, width, to);
    return (Operand){to, round_up_32(width)};
}

INLINE CBF16Rows one_run(const uint16_t *rows, long count, long stride) {
    return (CBF16Rows){.first = rows, .first_count = count, .second = 0, .second_count = 0, .stride = stride};
}

/// `rows` rows of acc [rows, 32] times a factor to `columns` ≤ 32 places of each of the rows from `first` on.
static void put_block(
    const float *acc, long rows, long first, long column, long columns, const float *factors, CBF16MutableRows to) {
    for (long r = 0; r < rows; ++r) {
        const long i = first + r;
        uint16_t *out = (i < to.first_count ? to.first + i * to.stride : to.second + (i - to.first_count) * to.stride);
        const float factor = factors ? factors[r] : 1;
        for (long j = 0; j < columns; j += WIDTH) {
            const Vector v = load(acc + r * PANEL_COLUMNS + j) * factor;
            store_narrow_first(out + column + j, narrowed(v), columns - j);
        }
    }
}

/// A block of rows of a · b to `to`; tiles are configured for the rows already.
INLINE void block_product(
    long rows, long depth, const uint16_t *a, long a_stride, const uint16_t *b, long columns, long first,
    const float *factors, CBF16MutableRows to) {
    _Alignas(64) float acc[BF16_TILE_ROWS * PANEL_COLUMNS];
    const long tiles = round_up_32(depth) / TILE_DEPTH;
    for (long j = 0; j < columns; j += PANEL_COLUMNS) {
        const long left = columns - j < PANEL_COLUMNS ? columns - j : PANEL_COLUMNS;
        bf16_tile(rows, depth, left, a, a_stride, b + j / WIDTH * tiles * TILE_ELEMENTS, acc);
        put_block(acc, rows, first, j, left, factors, to);
    }
}

/// scores, as panels [columns / 32][rows, 32] = a · b for all columns, depth ≤ width.
INLINE void block_scores(
    long rows, long width, const uint16_t *a, long a_stride, const uint16_t *b, long columns, float *scores) {
    const long tiles = round_up_32(width) / TILE_DEPTH;
    for (long j = 0; j < columns; j += PANEL_COLUMNS) {
        bf16_tile(
            rows, width, columns - j, a, a_stride, b + j / WIDTH * tiles * TILE_ELEMENTS,
            scores + j / PANEL_COLUMNS * rows * PANEL_COLUMNS);
    }
}

/// 2^(scale · x − shift) of `vectors` vectors in panels, rounded, of which `left` numbers are wanted and the rest is zero.
///
/// Returns the sums, lane by lane, of the rounded numbers.
INLINE Vector exponential_columns(
    const int vectors, const float *scores, long panel_stride, float scale, float shift, long left, uint16_t *out) {
    Vector v[4], total = splat(0);
    EACH(q, vectors) v[q] = load(scores + q / 2 * panel_stride + q % 2 * WIDTH) * scale - shift;
    coarse_powers_of_two(vectors, v, v);
    EACH(q, vectors) {
        const long lanes = left - q * WIDTH;
        if (lanes < WIDTH) v[q] = pick(lanes_below(lanes > 0 ? (int)lanes : 0), v[q], splat(0));
        const NarrowVector rounded = narrowed(v[q]);
        total += widened(rounded);
        store_narrow(out + q * WIDTH, rounded);
    }
    return total;
}

/// One row of scores in panels becomes exp(factor · (x − max)), rounded to bfloat16, with zeros up to a multiple of 32.
///
/// Returns the sum of the rounded numbers, so that what is divided by it sums to one, and the maximum.
INLINE float exponential_row(
    const float *scores, long panel_stride, long count, float factor, uint16_t *out, float *most) {
    Vector highest = splat(-__builtin_inff());
    for (long j = 0; j < count; j += WIDTH) {
        const Vector v = load(scores + j / PANEL_COLUMNS * panel_stride + j % PANEL_COLUMNS);
        const Vector seen = count - j >= WIDTH ? v : pick(lanes_below((int)(count - j)), v, splat(-__builtin_inff()));
        // A NaN must stay: it is not above anything, and nothing is above it.
        highest = pick(highest >= seen, highest, seen);
    }
    *most = max_lanes(highest);
    const float scale = factor * LOG2_E, shift = *most * scale;
    Vector total = splat(0);
    long j = 0;
    for (; j + 2 * PANEL_COLUMNS <= count; j += 2 * PANEL_COLUMNS) {
        const float *panel = scores + j / PANEL_COLUMNS * panel_stride;
        total += exponential_columns(4, panel, panel_stride, scale, shift, 4 * WIDTH, out + j);
    }
    for (; j < round_up_32(count); j += PANEL_COLUMNS) {
        const float *panel = scores + j / PANEL_COLUMNS * panel_stride;
        total += exponential_columns(2, panel, panel_stride, scale, shift, count - j, out + j);
    }
    return sum_lanes(total);
}

/// log2(x) of positive numbers, with an absolute error of 1e-6.
///
/// x = 2ᵉ m with m in [2/3, 4/3); log2 m = f P(f) with f = m − 1 and a minimax polynomial.
INLINE Vector logarithms(Vector x) {
    static const float coefficients[] = {
        -0.231982043f, 0.252026835f, -0.234679659f, 0.284587896f, -0.36092768f, 0.481019722f, -0.721343932f,
        1.44269408f,
    };
    const IntVector bits = (IntVector)x - 0x3f2aaaab;
    const IntVector exponent = bits >> 23;
    const Vector f = (Vector)((bits & 0x7fffff) + 0x3f2aaaab) - 1.0f;
    Vector p = splat(coefficients[0]);
    EACH(k, 7) p = p * f + coefficients[k + 1];
    const Vector result = f * p + __builtin_convertvector(exponent, Vector);
    return pick((IntVector)(x == x), result, x);
}

static void attention(
    CBF16Rows q, CBF16Rows k, CBF16Rows v, long width, uint16_t *y, long y_stride, float *log_sum,
    uint16_t *scratch) {
    const long queries = q.first_count + q.second_count;
    const long keys = k.first_count + k.second_count, stride = round_up_32(width), all = round_up_32(keys);
    if (queries < 1) return;
    const float factor = 1 / __builtin_sqrtf((float)width);
    uint16_t *rows_of_q = take(&scratch, round_up_32(queries) * stride);
    uint16_t *gathered = take(&scratch, all * stride);
    uint16_t *packed_k = take(&scratch, all * stride);
    uint16_t *packed_v = take(&scratch, all * stride);
    uint16_t *weights = take(&scratch, SCORE_ROWS * all);
    float *scores = (float *)take(&scratch, 2 * SCORE_ROWS * all);
    const Operand from_q = operand(q, width, rows_of_q);
    const Operand from_k = operand(k, width, gathered);
    pack_columns(from_k.rows, from_k.stride, width, keys, packed_k);
    const Operand from_v = operand(v, width, gathered);
    pack_rows(from_v.rows, from_v.stride, keys, width, packed_v);
    const CBF16MutableRows out = {.first = y, .first_count = queries, .second = 0, .second_count = 0, .stride = y_stride};

    const BF16RowSplit split = bf16_split(queries);
    long i = 0;
    for (long t = 0; t < split.count; ++t) {
        const long rows = bf16_rows(split, t);
        BF16_BEGIN(rows, t == 0 || rows != bf16_rows(split, t - 1));
        float inverse[32], most[32], sums[32];
        block_scores(rows, width, from_q.rows + i * from_q.stride, from_q.stride, packed_k, keys, scores);
        for (long r = 0; r < rows; ++r) {
            sums[r] = exponential_row(
                scores + r * PANEL_COLUMNS, rows * PANEL_COLUMNS, keys, factor, weights + r * all, &most[r]);
        }
        FOR_VECTORS(r, n, rows, {
            const Vector sum = load_first(sums + r, n);
            store_first(inverse + r, 1 / sum, n);
            store_first(
                log_sum + i + r, load_first(most + r, n) * factor + logarithms(sum) * 0.693147181f, n);
        });
        block_product(rows, keys, weights, all, packed_v, width, i, inverse, out);
        i += rows;
    }
    BF16_END();
}

/// Of `vectors` vectors in panels, for one key and some queries: p = 2^(scale · s − log_sum) and
/// ds = p · (factor · dp − dot), rounded.
INLINE void score_gradient_columns(
    const int vectors, const float *scores, const float *d_weights, long panel_stride, float factor,
    const float *log_sum, const float *dots, uint16_t *p, uint16_t *ds) {
    Vector v[4];
    // Rounding may leave a little above 0.
    EACH(q, vectors) {
        const Vector score = load(scores + q / 2 * panel_stride + q % 2 * WIDTH);
        v[q] = at_most(score * (factor * LOG2_E) - load(log_sum + q * WIDTH), splat(0));
    }
    coarse_powers_of_two(vectors, v, v);
    EACH(q, vectors) {
        const Vector d = load(d_weights + q / 2 * panel_stride + q % 2 * WIDTH) * factor - load(dots + q * WIDTH);
        store_narrow(p + q * WIDTH, narrowed(v[q]));
        store_narrow(ds + q * WIDTH, narrowed(v[q] * d));
    }
}

/// A row of transposed scores, for one key and all queries.
INLINE void score_gradient_row(
    const float *scores, const float *d_weights, long panel_stride, long count, float factor, const float *log_sum,
    const float *dots, uint16_t *p, uint16_t *ds) {
    long j = 0;
    for (; j + 2 * PANEL_COLUMNS <= count; j += 2 * PANEL_COLUMNS) {
        const long at = j / PANEL_COLUMNS * panel_stride;
        score_gradient_columns(
            4, scores + at, d_weights + at, panel_stride, factor, log_sum + j, dots + j, p + j, ds + j);
    }
    for (; j < count; j += PANEL_COLUMNS) {
        const long at = j / PANEL_COLUMNS * panel_stride;
        score_gradient_columns(
            2, scores + at, d_weights + at, panel_stride, factor, log_sum + j, dots + j, p + j, ds + j);
    }
}

static void attention_backward(
    CBF16Rows q, CBF16Rows k, CBF16Rows v, long width, const uint16_t *y, const uint16_t *dy, long y_stride,
    const float *log_sum, CBF16MutableRows dq, CBF16MutableRows dk, CBF16MutableRows dv, uint16_t *scratch) {
    const long queries = q.first_count + q.second_count;
    const long keys = k.first_count + k.second_count, stride = round_up_32(width);
    const long all_keys = round_up_32(keys), all_queries = round_up_32(queries);
    const float factor = 1 / __builtin_sqrtf((float)width);
    uint16_t *rows_of_q = take(&scratch, all_queries * stride);
    uint16_t *rows_of_dy = take(&scratch, all_queries * stride);
    uint16_t *columns_of_q = take(&scratch, all_queries * stride);
    uint16_t *columns_of_dy = take(&scratch, all_queries * stride);
    uint16_t *packed_q = take(&scratch, all_queries * stride);
    uint16_t *packed_dy = take(&scratch, all_queries * stride);
    uint16_t *rows_of_k = take(&scratch, all_keys * stride);
    uint16_t *rows_of_v = take(&scratch, all_keys * stride);
    uint16_t *packed_k = take(&scratch, all_keys * stride);
    float *sums = (float *)take(&scratch, 2 * all_queries);
    float *dots = (float *)take(&scratch, 2 * all_queries);
    uint16_t *ds = take(&scratch, all_keys * all_queries);
    uint16_t *transposed = take(&scratch, all_keys * all_queries);
    uint16_t *p = take(&scratch, SCORE_ROWS * all_queries);
    float *scores = (float *)take(&scratch, 2 * SCORE_ROWS * all_queries);
    float *d_weights = (float *)take(&scratch, 2 * SCORE_ROWS * all_queries);

    const Operand from_q = operand(q, width, rows_of_q);
    const Operand from_dy = operand(one_run(dy, queries, y_stride), width, rows_of_dy);
    const Operand from_k = operand(k, width, rows_of_k);
    const Operand from_v = operand(v, width, rows_of_v);
    pack_columns(from_q.rows, from_q.stride, width, queries, columns_of_q);
    pack_columns(from_dy.rows, from_dy.stride, width, queries, columns_of_dy);
    pack_rows(from_q.rows, from_q.stride, queries, width, packed_q);
    pack_rows(from_dy.rows, from_dy.stride, queries, width, packed_dy);
    pack_rows(from_k.rows, from_k.stride, keys, width, packed_k);
    for (long i = 0; i < all_queries; ++i) {
        Vector dot = splat(0);
        for (long j = 0; j < width && i < queries; j += WIDTH) {
            const NarrowVector out = load_narrow_first(y + i * y_stride + j, width - j);
            dot += widened(out) * widened(load_narrow_first(dy + i * y_stride + j, width - j));
        }
        dots[i] = sum_lanes(dot) * factor;
        // No query there: its exponentials come out as the smallest number, times zero rows of dy and q.
        sums[i] = i < queries ? log_sum[i] * LOG2_E : 1e4f;
    }

    const BF16RowSplit split = bf16_split(keys);
    long i = 0;
    for (long t = 0; t < split.count; ++t) {
        const long rows = bf16_rows(split, t);
        BF16_BEGIN(rows, t == 0 || rows != bf16_rows(split, t - 1));
        block_scores(rows, width, from_k.rows + i * from_k.stride, from_k.stride, columns_of_q, queries, scores);
        block_scores(rows, width, from_v.rows + i * from_v.stride, from_v.stride, columns_of_dy, queries, d_weights);
        for (long r = 0; r < rows; ++r) {
            score_gradient_row(
                scores + r * PANEL_COLUMNS, d_weights + r * PANEL_COLUMNS, rows * PANEL_COLUMNS, all_queries, factor,
                sums, dots, p + r * all_queries, ds + (i + r) * all_queries);
        }
        block_product(rows, queries, p, all_queries, packed_dy, width, i, 0, dv);
        block_product(rows, queries, ds + i * all_queries, all_queries, packed_q, width, i, 0, dk);
        i += rows;
    }
    // dq = ds k; ds was made with keys down.
    transpose_rows(ds, all_queries, keys, all_queries, transposed, all_keys, 0);
    const BF16RowSplit of_queries = bf16_split(queries);
    i = 0;
    for (long t = 0; t < of_queries.count; ++t) {
        const long rows = bf16_rows(of_queries, t);
        BF16_BEGIN(rows, t == 0 || rows != bf16_rows(of_queries, t - 1));
        block_product(rows, keys, transposed + i * all_keys, all_keys, packed_k, width, i, 0, dq);
        i += rows;
    }
    BF16_END();
}
