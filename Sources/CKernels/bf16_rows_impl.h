// LayerNorm between the float32 residual stream and narrow matrices. What it leaves for the backward pass is the rows
// before gain and bias, x̂ = (x − mean) · rstd, as a narrow matrix, and rstd: half of what x takes.

/// Rows that are normalised together, so that one does not wait for the other's mean and variance.
enum { NORM_ROWS = 4 };

/// y = x̂ · gamma + beta, of the rows in `normal`, a vector of each at a time.
INLINE void write_scaled(
    const int rows, long j, const int n, const Vector *normal, const float *gamma, const float *beta, uint16_t *y,
    long y_stride) {
    const Vector factor = load_first(gamma + j, n);
    const Vector shift = load_first(beta + j, n);
    EACH(i, rows) {
        // Lanes beyond the row are 0 · 0 + 0, unless x̂ is not finite there.
        const Vector v = normal[i] * factor + shift;
        store_narrow(y + i * y_stride + j, narrowed(n == WIDTH ? v : pick(lanes_below(n), v, splat(0))));
    }
}

/// Zeros from the last vector of a row to the end of its last pair of tiles.
INLINE void pad_rows(const int rows, long columns, uint16_t *y, long y_stride) {
    const long end = (columns + WIDTH - 1) / WIDTH * WIDTH;
    if (end < round_up_32(columns)) {
        EACH(i, rows) store_narrow(y + i * y_stride + end, (NarrowVector){});
    }
}

INLINE void norm_rows(
    const int rows, const float *x, long columns, const float *gamma, const float *beta, float epsilon, float *rstd,
    uint16_t *normal, uint16_t *y, long stride) {
    Vector sums[NORM_ROWS];
    float mean[NORM_ROWS];
    EACH(i, rows) sums[i] = splat(0);
    FOR_VECTORS(j, n, columns, { EACH(i, rows) sums[i] += load_first(x + i * columns + j, n); });
    EACH(i, rows) {
        mean[i] = sum_lanes(sums[i]) / (float)columns;
        sums[i] = splat(0);
    }
    FOR_VECTORS(j, n, columns, {
        EACH(i, rows) {
            const Vector d = pick(lanes_below(n), load_first(x + i * columns + j, n) - mean[i], splat(0));
            sums[i] += d * d;
        }
    });
    EACH(i, rows) rstd[i] = 1 / __builtin_sqrtf(sum_lanes(sums[i]) / (float)columns + epsilon);
    FOR_VECTORS(j, n, columns, {
        Vector v[NORM_ROWS];
        EACH(i, rows) v[i] = (load_first(x + i * columns + j, n) - mean[i]) * rstd[i];
        if (normal) {
            EACH(i, rows) {
                const Vector kept = n == WIDTH ? v[i] : pick(lanes_below(n), v[i], splat(0));
                store_narrow(normal + i * stride + j, narrowed(kept));
            }
        }
        write_scaled(rows, j, n, v, gamma, beta, y, stride);
    });
    if (normal) pad_rows(rows, columns, normal, stride);
    pad_rows(rows, columns, y, stride);
}

static void layer_norm(
    const float *x, long rows, long columns, const float *gamma, const float *beta, float epsilon, float *rstd,
    uint16_t *normal, uint16_t *y, long stride) {
    long i = 0;
    for (; i + NORM_ROWS <= rows; i += NORM_ROWS) {
        norm_rows(
            NORM_ROWS, x + i * columns, columns, gamma, beta, epsilon, rstd + i, normal ? normal + i * stride : 0,
            y + i * stride, stride);
    }
    for (; i < rows; ++i) {
        norm_rows(
            1, x + i * columns, columns, gamma, beta, epsilon, rstd + i, normal ? normal + i * stride : 0,
            y + i * stride, stride);
    }
}

INLINE void scale_rows(
    const int rows, const uint16_t *normal, long columns, const float *gamma, const float *beta, uint16_t *y,
    long stride) {
    FOR_VECTORS(j, n, columns, {
        Vector v[NORM_ROWS];
        EACH(i, rows) v[i] = widened(load_narrow_first(normal + i * stride + j, n));
        write_scaled(rows, j, n, v, gamma, beta, y, stride);
    });
    pad_rows(rows, columns, y, stride);
}

static void scale_normal(
    const uint16_t *normal, long rows, long columns, const float *gamma, const float *beta, uint16_t *y, long stride) {
    long i = 0;
    for (; i + NORM_ROWS <= rows; i += NORM_ROWS) {
        scale_rows(NORM_ROWS, normal + i * stride, columns, gamma, beta, y + i * stride, stride);
    }
    for (; i < rows; ++i) scale_rows(1, normal + i * stride, columns, gamma, beta, y + i * stride, stride);
}

INLINE void norm_backward_rows(
    const int rows, const uint16_t *normal, long columns, const float *gamma, const float *rstd, const uint16_t *dy,
    float *dx, float *d_gamma, float *d_beta, uint16_t *narrow, long stride) {
    Vector plain[NORM_ROWS], weighted[NORM_ROWS];
    float mean_plain[NORM_ROWS], mean_weighted[NORM_ROWS];
    EACH(i, rows) plain[i] = weighted[i] = splat(0);
    // Lanes beyond the row have dy = 0 and add nothing.
    FOR_VECTORS(j, n, columns, {
        const Vector factor = load_first(gamma + j, n);
        Vector to_gamma = {}, to_beta = {};
        EACH(i, rows) {
            const Vector x = widened(load_narrow_first(normal + i * stride + j, n));
            const Vector d = widened(load_narrow_first(dy + i * stride + j, n));
            plain[i] += d * factor;
            weighted[i] += d * factor * x;
            to_gamma += d * x;
            to_beta += d;
        }
        store_first(d_gamma + j, load_first(d_gamma + j, n) + to_gamma, n);
        store_first(d_beta + j, load_first(d_beta + j, n) + to_beta, n);
    });
    EACH(i, rows) {
        mean_plain[i] = sum_lanes(plain[i]) / (float)columns;
        mean_weighted[i] = sum_lanes(weighted[i]) / (float)columns;
    }
    FOR_VECTORS(j, n, columns, {
        const Vector factor = load_first(gamma + j, n);
        EACH(i, rows) {
            const Vector x = widened(load_narrow_first(normal + i * stride + j, n));
            const Vector d = widened(load_narrow_first(dy + i * stride + j, n)) * factor;
            float *out = dx + i * columns + j;
            const Vector v = (d - mean_plain[i] - x * mean_weighted[i]) * rstd[i] + load_first(out, n);
            store_first(out, v, n);
            if (narrow) {
                store_narrow(
                    narrow + i * stride + j, narrowed(n == WIDTH ? v : pick(lanes_below(n), v, splat(0))));
            }
        }
    });
    if (narrow) pad_rows(rows, columns, narrow, stride);
}

static void layer_norm_backward(
    const uint16_t *normal, long rows, long columns, const float *gamma, const float *rstd, const uint16_t *dy,
    float *dx, float *d_gamma, float *d_beta, uint16_t *narrow, long stride) {
    long i = 0;
    for (; i + NORM_ROWS <= rows; i += NORM_ROWS) {
        norm_backward_rows(
            NORM_ROWS, normal + i * stride, columns, gamma, rstd + i, dy + i * stride, dx + i * columns, d_gamma,
            d_beta, narrow ? narrow + i * stride : 0, stride);
    }
    for (; i < rows; ++i) {
        norm_backward_rows(
            1, normal + i * stride, columns, gamma, rstd + i, dy + i * stride, dx + i * columns, d_gamma, d_beta,
            narrow ? narrow + i * stride : 0, stride);
    }
}
