// Kernels over the columns of a matrix; sums over rows are kept in double precision.

static void column_moments(
    const float *x, long rows, long columns, double divisor, float *mean, float *variance) {
    FOR_VECTORS(j, n, columns, {
        DoubleVector total = {};
        for (long i = 0; i < rows; ++i) total += widen(load_first(x + i * columns + j, n));
        const DoubleVector m = total / (double)rows;
        DoubleVector squares = {};
        for (long i = 0; i < rows; ++i) {
            const DoubleVector d = widen(load_first(x + i * columns + j, n)) - m;
            squares += d * d;
        }
        store_first(mean + j, narrow(m), n);
        store_first(variance + j, narrow(squares / divisor), n);
    });
}

static void normalize_columns(
    const float *x, long rows, long columns, const float *mean, const float *factor, const float *gamma,
    const float *beta, float *y) {
    for (long i = 0; i < rows; ++i) {
        const long row = i * columns;
        FOR_VECTORS(j, n, columns, {
            Vector v = load_first(x + row + j, n) - load_first(mean + j, n);
            if (factor) v *= load_first(factor + j, n);
            if (gamma) v *= load_first(gamma + j, n);
            if (beta) v += load_first(beta + j, n);
            store_first(y + row + j, v, n);
        });
    }
}

static void add_columns(const float *x, long rows, long columns, const float *factor, float *y) {
    for (long i = 0; i < rows; ++i) {
        const long row = i * columns;
        FOR_VECTORS(j, n, columns, {
            const Vector v = load_first(x + row + j, n) * load_first(factor + j, n);
            store_first(y + row + j, load_first(y + row + j, n) + v, n);
        });
    }
}

static void batch_norm_backward(
    const float *x, long rows, long columns, const float *gamma, const float *mean, const float *rstd,
    const float *dy, float *dx, float *d_gamma, float *d_beta) {
    FOR_VECTORS(j, n, columns, {
        const Vector m = load_first(mean + j, n);
        const Vector r = load_first(rstd + j, n);
        DoubleVector plain = {};
        DoubleVector weighted = {};
        for (long i = 0; i < rows; ++i) {
            const Vector d = load_first(dy + i * columns + j, n);
            const Vector normal = (load_first(x + i * columns + j, n) - m) * r;
            plain += widen(d);
            weighted += widen(d) * widen(normal);
        }
        if (d_gamma) store_first(d_gamma + j, load_first(d_gamma + j, n) + narrow(weighted), n);
        if (d_beta) store_first(d_beta + j, load_first(d_beta + j, n) + narrow(plain), n);
        const Vector mean_plain = narrow(plain / (double)rows);
        const Vector mean_weighted = narrow(weighted / (double)rows);
        const Vector factor = gamma ? r * load_first(gamma + j, n) : r;
        for (long i = 0; i < rows; ++i) {
            const Vector normal = (load_first(x + i * columns + j, n) - m) * r;
            const Vector d = load_first(dy + i * columns + j, n) - mean_plain - normal * mean_weighted;
            store_first(dx + i * columns + j, d * factor, n);
        }
    });
}
