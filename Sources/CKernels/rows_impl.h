// Kernels over the rows of a matrix.

static void fill_rows(const float *row, float *y, long rows, long columns) {
    for (long i = 0; i < rows; ++i) memcpy(y + i * columns, row, (size_t)columns * sizeof(float));
}

static void add_column_sums(const float *x, long rows, long columns, float *sums) {
    // Four rows at a time: fewer passes over the sums, and shorter chains of rounding.
    long i = 0;
    for (; i + 4 <= rows; i += 4) {
        const float *a = x + i * columns;
        FOR_VECTORS(j, n, columns, {
            const Vector first = load_first(a + j, n) + load_first(a + columns + j, n);
            const Vector second = load_first(a + 2 * columns + j, n) + load_first(a + 3 * columns + j, n);
            store_first(sums + j, load_first(sums + j, n) + (first + second), n);
        });
    }
    for (; i < rows; ++i) add(x + i * columns, 1, sums, columns);
}

/// Rows that are normalised together, so that one does not wait for the other's mean and variance.
enum { ROWS_AT_ONCE = 4 };

INLINE void layer_norm_rows(
    const int rows, const float *x, long columns, const float *gamma, const float *beta, float epsilon, float *mean,
    float *rstd, float *y) {
    Vector sums[ROWS_AT_ONCE];
    float m[ROWS_AT_ONCE], r[ROWS_AT_ONCE];
    EACH(i, rows) sums[i] = splat(0);
    FOR_VECTORS(j, n, columns, { EACH(i, rows) sums[i] += load_first(x + i * columns + j, n); });
    EACH(i, rows) {
        m[i] = sum_lanes(sums[i]) / (float)columns;
        sums[i] = splat(0);
    }
    FOR_VECTORS(j, n, columns, {
        EACH(i, rows) {
            const Vector d = pick(lanes_below(n), load_first(x + i * columns + j, n) - m[i], splat(0));
            sums[i] += d * d;
        }
    });
    EACH(i, rows) {
        r[i] = 1 / __builtin_sqrtf(sum_lanes(sums[i]) / (float)columns + epsilon);
        mean[i] = m[i];
        rstd[i] = r[i];
    }
    FOR_VECTORS(j, n, columns, {
        const Vector factor = gamma ? load_first(gamma + j, n) : splat(1);
        const Vector shift = beta ? load_first(beta + j, n) : splat(0);
        EACH(i, rows) {
            const Vector normal = (load_first(x + i * columns + j, n) - m[i]) * r[i];
            store_first(y + i * columns + j, normal * factor + shift, n);
        }
    });
}

static void layer_norm(
    const float *x, long rows, long columns, const float *gamma, const float *beta, float epsilon, float *mean,
    float *rstd, float *y) {
    long i = 0;
    for (; i + ROWS_AT_ONCE <= rows; i += ROWS_AT_ONCE) {
        const long at = i * columns;
        layer_norm_rows(ROWS_AT_ONCE, x + at, columns, gamma, beta, epsilon, mean + i, rstd + i, y + at);
    }
    for (; i < rows; ++i) {
        const long at = i * columns;
        layer_norm_rows(1, x + at, columns, gamma, beta, epsilon, mean + i, rstd + i, y + at);
    }
}

/// For `rows` rows, a constant; `affine`, a constant too, tells whether gamma, d_gamma and d_beta are there.
INLINE void layer_norm_backward_rows(
    const int rows, const int affine, const float *x, long columns, const float *gamma, const float *mean,
    const float *rstd, const float *dy, float *dx, float *d_gamma, float *d_beta) {
    Vector plain[ROWS_AT_ONCE], weighted[ROWS_AT_ONCE];
    float mean_plain[ROWS_AT_ONCE], mean_weighted[ROWS_AT_ONCE];
    EACH(i, rows) plain[i] = weighted[i] = splat(0);
    // Lanes beyond the row have dy = 0 and add nothing.
    FOR_VECTORS(j, n, columns, {
        const Vector factor = affine ? load_first(gamma + j, n) : splat(1);
        Vector to_gamma = {}, to_beta = {};
        EACH(i, rows) {
            const Vector normal = (load_first(x + i * columns + j, n) - mean[i]) * rstd[i];
            const Vector d = load_first(dy + i * columns + j, n);
            plain[i] += d * factor;
            weighted[i] += d * factor * normal;
            to_gamma += d * normal;
            to_beta += d;
        }
        if (affine) {
            store_first(d_gamma + j, load_first(d_gamma + j, n) + to_gamma, n);
            store_first(d_beta + j, load_first(d_beta + j, n) + to_beta, n);
        }
    });
    EACH(i, rows) {
        mean_plain[i] = sum_lanes(plain[i]) / (float)columns;
        mean_weighted[i] = sum_lanes(weighted[i]) / (float)columns;
    }
    FOR_VECTORS(j, n, columns, {
        const Vector factor = affine ? load_first(gamma + j, n) : splat(1);
        EACH(i, rows) {
            const Vector normal = (load_first(x + i * columns + j, n) - mean[i]) * rstd[i];
            const Vector d = load_first(dy + i * columns + j, n) * factor;
            float *out = dx + i * columns + j;
            store_first(out, (d - mean_plain[i] - normal * mean_weighted[i]) * rstd[i] + load_first(out, n), n);
        }
    });
}

static void layer_norm_backward(
    const float *x, long rows, long columns, const float *gamma, const float *mean, const float *rstd,
    const float *dy, float *dx, float *d_gamma, float *d_beta) {
    const float *const x_end = x + rows * columns;
    const long step = ROWS_AT_ONCE * columns;
    for (; x_end - x >= step; x += step, dy += step, dx += step, mean += ROWS_AT_ONCE, rstd += ROWS_AT_ONCE) {
        if (gamma) {
            layer_norm_backward_rows(ROWS_AT_ONCE, 1, x, columns, gamma, mean, rstd, dy, dx, d_gamma, d_beta);
        } else {
            layer_norm_backward_rows(ROWS_AT_ONCE, 0, x, columns, gamma, mean, rstd, dy, dx, d_gamma, d_beta);
        }
    }
    for (; x < x_end; x += columns, dy += columns, dx += columns, ++mean, ++rstd) {
        if (gamma) {
            layer_norm_backward_rows(1, 1, x, columns, gamma, mean, rstd, dy, dx, d_gamma, d_beta);
        } else {
            layer_norm_backward_rows(1, 0, x, columns, gamma, mean, rstd, dy, dx, d_gamma, d_beta);
        }
    }
}

/// y = exp(x − max x); returns the sum, and the maximum in `most`.
INLINE float exponentials_of_row(const float *x, float *y, long count, float *most) {
    const float infinity = __builtin_inff();
    Vector highest = splat(-infinity);
    FOR_VECTORS(j, n, count, {
        const Vector v = pick(lanes_below(n), load_first(x + j, n), splat(-infinity));
        highest = pick(v > highest, v, highest);
    });
    *most = max_lanes(highest);
    Vector total = {};
    FOR_VECTORS(j, n, count, {
        const Vector e = pick(lanes_below(n), exponential(load_first(x + j, n) - *most), splat(0));
        total += e;
        store_first(y + j, e, n);
    });
    return sum_lanes(total);
}

static double cross_entropy(
    const float *logits, const int32_t *labels, long rows, long columns, float factor, float *gradient) {
    double total = 0;
    for (long i = 0; i < rows; ++i) {
        float *g = gradient + i * columns;
        const double of_label = logits[i * columns + labels[i]];
        float most;
        const float sum = exponentials_of_row(logits + i * columns, g, columns, &most);
        total += __builtin_log((double)sum) + most - of_label;
        scale(g, factor / sum, columns);
        g[labels[i]] -= factor;
    }
    return total;
}
