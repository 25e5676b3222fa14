// LayerNorm between the float32 residual stream and narrow matrices.

/// Rows that are normalised together, so that one does not wait for the other's mean and variance.
enum { NORM_ROWS = 4 };

INLINE void write_normal(
    const int rows, const float *x, long columns, const float *gamma, const float *beta, const float *mean,
    const float *rstd, uint16_t *y, long y_stride) {
    FOR_VECTORS(j, n, columns, {
        const Vector factor = load_first(gamma + j, n);
        const Vector shift = load_first(beta + j, n);
        EACH(i, rows) {
            const Vector normal = (load_first(x + i * columns + j, n) - mean[i]) * rstd[i];
            // Lanes beyond the row are 0 · 0 + 0, unless the mean is not finite.
            const Vector v = normal * factor + shift;
            store_narrow(y + i * y_stride + j, narrowed(n == WIDTH ? v : pick(lanes_below(n), v, splat(0))));
        }
    });
    const long end = (columns + WIDTH - 1) / WIDTH * WIDTH;
    if (end < round_up_32(columns)) {
        EACH(i, rows) store_narrow(y + i * y_stride + end, (NarrowVector){});
    }
}

INLINE void norm_rows(
    const int rows, const float *x, long columns, const float *gamma, const float *beta, float epsilon, float *mean,
    float *rstd, uint16_t *y, long y_stride) {
    Vector sums[NORM_ROWS];
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
    write_normal(rows, x, columns, gamma, beta, mean, rstd, y, y_stride);
}

static void layer_norm(
    const float *x, long rows, long columns, const float *gamma, const float *beta, float epsilon, float *mean,
    float *rstd, uint16_t *y, long y_stride) {
    long i = 0;
    for (; i + NORM_ROWS <= rows; i += NORM_ROWS) {
        norm_rows(
            NORM_ROWS, x + i * columns, columns, gamma, beta, epsilon, mean + i, rstd + i, y + i * y_stride, y_stride);
    }
    for (; i < rows; ++i) {
        norm_rows(1, x + i * columns, columns, gamma, beta, epsilon, mean + i, rstd + i, y + i * y_stride, y_stride);
    }
}

static void normalize(
    const float *x, long rows, long columns, const float *gamma, const float *beta, const float *mean,
    const float *rstd, uint16_t *y, long y_stride) {
    long i = 0;
    for (; i + NORM_ROWS <= rows; i += NORM_ROWS) {
        write_normal(NORM_ROWS, x + i * columns, columns, gamma, beta, mean + i, rstd + i, y + i * y_stride, y_stride);
    }
    for (; i < rows; ++i) {
        write_normal(1, x + i * columns, columns, gamma, beta, mean + i, rstd + i, y + i * y_stride, y_stride);
    }
}

INLINE void norm_backward_rows(
    const int rows, const float *x, long columns, const float *gamma, const float *mean, const float *rstd,
    const uint16_t *dy, long dy_stride, float *dx, float *d_gamma, float *d_beta, uint16_t *narrow, long narrow_stride) {
    Vector plain[NORM_ROWS], weighted[NORM_ROWS];
    float mean_plain[NORM_ROWS], mean_weighted[NORM_ROWS];
    EACH(i, rows) plain[i] = weighted[i] = splat(0);
    // Lanes beyond the row have dy = 0 and add nothing.
    FOR_VECTORS(j, n, columns, {
        const Vector factor = load_first(gamma + j, n);
        Vector to_gamma = {}, to_beta = {};
        EACH(i, rows) {
            const Vector normal = (load_first(x + i * columns + j, n) - mean[i]) * rstd[i];
            const Vector d = widened(load_narrow_first(dy + i * dy_stride + j, n));
            plain[i] += d * factor;
            weighted[i] += d * factor * normal;
            to_gamma += d * normal;
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
            const Vector normal = (load_first(x + i * columns + j, n) - mean[i]) * rstd[i];
            const Vector d = widened(load_narrow_first(dy + i * dy_stride + j, n)) * factor;
            float *out = dx + i * columns + j;
            const Vector v = (d - mean_plain[i] - normal * mean_weighted[i]) * rstd[i] + load_first(out, n);
            store_first(out, v, n);
            if (narrow) {
                store_narrow(
                    narrow + i * narrow_stride + j, narrowed(n == WIDTH ? v : pick(lanes_below(n), v, splat(0))));
            }
        }
    });
    const long end = (columns + WIDTH - 1) / WIDTH * WIDTH;
    if (narrow && end < round_up_32(columns)) {
        EACH(i, rows) store_narrow(narrow + i * narrow_stride + end, (NarrowVector){});
    }
}

static void layer_norm_backward(
    const float *x, long rows, long columns, const float *gamma, const float *mean, const float *rstd,
    const uint16_t *dy, long dy_stride, float *dx, float *d_gamma, float *d_beta, uint16_t *narrow, long narrow_stride) {
    long i = 0;
    for (; i + NORM_ROWS <= rows; i += NORM_ROWS) {
        norm_backward_rows(
            NORM_ROWS, x + i * columns, columns, gamma, mean + i, rstd + i, dy + i * dy_stride, dy_stride,
            dx + i * columns, d_gamma, d_beta, narrow ? narrow + i * narrow_stride : 0, narrow_stride);
    }
    for (; i < rows; ++i) {
        norm_backward_rows(
            1, x + i * columns, columns, gamma, mean + i, rstd + i, dy + i * dy_stride, dy_stride, dx + i * columns,
            d_gamma, d_beta, narrow ? narrow + i * narrow_stride : 0, narrow_stride);
    }
}
