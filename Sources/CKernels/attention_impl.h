// softmax(q kᵀ / √width) v and its gradient, one head of one image after the other.

// Rows of attention are short and their lengths no multiples of 16. Their last vector is the last sixteen numbers,
// which overlap the vector before: a masked store at the end of a row would stall the load at the start of the next.

/// `rows` rows of `count` numbers, 16 · full < count ≤ 16 · (full + 1), become their softmax, all in registers.
///
/// `rows` and `full` are constants, rows · (full + 1) ≤ MOST_VECTORS. Several rows, so that one does not wait for the
/// other's maximum and sum.
INLINE void softmax_in_registers(const int rows, const int full, float *x, long count) {
    Vector v[MOST_VECTORS];
    const long end = count - WIDTH;
    EACH(i, rows) {
        Vector *row = v + i * (full + 1);
        row[full] = load(x + i * count + end);
        Vector highest = row[full];
        EACH(j, full) {
            row[j] = load(x + i * count + j * WIDTH);
            highest = pick(row[j] > highest, row[j], highest);
        }
        const float most = max_lanes(highest);
        EACH(j, full + 1) row[j] -= most;
    }
    exponentials(rows * (full + 1), v, v);
    const IntVector seen = lanes_below((int)((full + 1) * WIDTH - count));
    EACH(i, rows) {
        const Vector *row = v + i * (full + 1);
        Vector total = pick(seen, splat(0), row[full]);
        EACH(j, full) total += row[j];
        const float factor = 1 / sum_lanes(total);
        EACH(j, full) store(x + i * count + j * WIDTH, row[j] * factor);
        store(x + i * count + end, row[full] * factor);
    }
}

/// A row of at least sixteen numbers: x = softmax(x).
INLINE void softmax_in_memory(float *x, long count) {
    const long full = (count - 1) / WIDTH;
    float *end = x + count - WIDTH;
    Vector last = load(end);
    Vector highest = last;
    for (long j = 0; j < full; ++j) {
        const Vector v = load(x + j * WIDTH);
        highest = pick(v > highest, v, highest);
    }
    const float most = max_lanes(highest);
    last = exponential(last - most);
    Vector total = pick(lanes_below((int)((full + 1) * WIDTH - count)), splat(0), last);
    for (long j = 0; j < full; ++j) {
        const Vector v = exponential(load(x + j * WIDTH) - most);
        total += v;
        store(x + j * WIDTH, v);
    }
    const float factor = 1 / sum_lanes(total);
    for (long j = 0; j < full; ++j) store(x + j * WIDTH, load(x + j * WIDTH) * factor);
    store(end, last * factor);
}

#define SOFTMAX_CASE(full, at_once) \
    case full: { \
        long i = 0; \
        for (; i + at_once <= rows; i += at_once) softmax_in_registers(at_once, full, x + i * count, count); \
        for (; i < rows; ++i) softmax_in_registers(1, full, x + i * count, count); \
        break; \
    }

/// Each row of a matrix [rows, count] becomes its softmax.
static void softmax_rows(float *x, long rows, long count) {
    if (count < WIDTH) {
        for (long i = 0; i < rows; ++i) {
            float most;
            const float sum = exponentials_of_row(x + i * count, x + i * count, count, &most);
            scale(x + i * count, 1 / sum, count);
        }
        return;
    }
    switch ((count - 1) / WIDTH) {
        SOFTMAX_CASE(0, 8)
        SOFTMAX_CASE(1, 4)
        SOFTMAX_CASE(2, 2)
        SOFTMAX_CASE(3, 2)
    default:
        for (long i = 0; i < rows; ++i) softmax_in_memory(x + i * count, count);
    }
}

/// The gradient of the softmax of each row: g = factor · p ∘ (g − Σ p g).
static void softmax_rows_backward(const float *p, float *g, long rows, long count, float factor) {
    const long full = (count - 1) / WIDTH;
    const IntVector seen = lanes_below((int)((full + 1) * WIDTH - count));
    for (long i = 0; i < rows; ++i, p += count, g += count) {
        if (count < WIDTH) {
            const Vector v = load_first(p, (int)count);
            const Vector d = load_first(g, (int)count);
            store_first(g, v * factor * (d - sum_lanes(v * d)), (int)count);
            continue;
        }
        const Vector last = load(p + count - WIDTH);
        const Vector last_gradient = load(g + count - WIDTH);
        Vector dot = pick(seen, splat(0), last * last_gradient);
        for (long j = 0; j < full; ++j) dot += load(p + j * WIDTH) * load(g + j * WIDTH);
        const float total = sum_lanes(dot);
        for (long j = 0; j < full; ++j) {
            store(g + j * WIDTH, load(p + j * WIDTH) * factor * (load(g + j * WIDTH) - total));
        }
        store(g + count - WIDTH, last * factor * (last_gradient - total));
    }
}

static void attention(
    const float *qkv, long batch, long tokens, long heads, long width, float *probabilities, float *y) {
    const long d = heads * width, stride = 3 * d;
    const float factor = 1 / __builtin_sqrtf((float)width);
    for (long b = 0; b < batch; ++b) {
        for (long h = 0; h < heads; ++h) {
            const float *q = qkv + b * tokens * stride + h * width, *k = q + d, *v = k + d;
            float *p = probabilities + (b * heads + h) * tokens * tokens;
            product_nt(tokens, tokens, width, factor, q, stride, k, stride, 0, 0, p, tokens);
            softmax_rows(p, tokens, tokens);
            product_nn(tokens, width, tokens, p, tokens, v, stride, 0, y + b * tokens * d + h * width, d);
        }
    }
}

static void attention_backward(
    const float *qkv, long batch, long tokens, long heads, long width, const float *probabilities, const float *dy,
    float *d_qkv, float *scratch) {
    const long d = heads * width, stride = 3 * d;
    const float factor = 1 / __builtin_sqrtf((float)width);
    for (long b = 0; b < batch; ++b) {
        for (long h = 0; h < heads; ++h) {
            const long offset = b * tokens * stride + h * width;
            const float *q = qkv + offset, *k = q + d, *v = k + d;
            float *dq = d_qkv + offset, *dk = dq + d, *dv = dk + d;
            const float *g = dy + b * tokens * d + h * width;
            const float *p = probabilities + (b * heads + h) * tokens * tokens;
            product_tn(tokens, width, tokens, p, tokens, g, d, 0, dv, stride);
            product_nt(tokens, tokens, width, 1, g, d, v, stride, 0, 0, scratch, tokens);
            softmax_rows_backward(p, scratch, tokens, tokens, factor);
            product_nn(tokens, width, tokens, scratch, tokens, k, stride, 0, dq, stride);
            product_tn(tokens, width, tokens, scratch, tokens, q, stride, 0, dk, stride);
        }
    }
}
