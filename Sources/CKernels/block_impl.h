// Passes of a transformer block that would each cost a trip through memory if they were done one by one.

/// pre = x + bias and y = GELU(pre) for `count` vectors of a row, of which the last has n numbers.
INLINE void bias_gelu_vectors(const int count, const int n, float *x, const float *bias, float *y) {
    Vector v[VECTORS_AT_ONCE], phi[VECTORS_AT_ONCE];
    EACH(i, count) {
        const int lanes = i == count - 1 ? n : WIDTH;
        v[i] = load_first(x + i * WIDTH, lanes) + load_first(bias + i * WIDTH, lanes);
        store_first(x + i * WIDTH, v[i], lanes);
    }
    normal_distributions(count, v, phi);
    EACH(i, count) store_first(y + i * WIDTH, v[i] * phi[i], i == count - 1 ? n : WIDTH);
}

static void bias_gelu(float *x, long rows, long columns, const float *bias, float *y) {
    const long block = VECTORS_AT_ONCE * WIDTH, blocks = columns / block;
    for (long i = 0; i < rows; ++i, x += columns, y += columns) {
        for (long b = 0; b < blocks; ++b) {
            bias_gelu_vectors(VECTORS_AT_ONCE, WIDTH, x + b * block, bias + b * block, y + b * block);
        }
        const long done = blocks * block;
        FOR_VECTORS(j, n, columns - done, bias_gelu_vectors(1, n, x + done + j, bias + done + j, y + done + j););
    }
}

/// y = GELU(x), g = g · GELU′(x) and sums += g for `count` vectors of a row, of which the last has n numbers.
INLINE void gelu_again_vectors(const int count, const int n, const float *x, float *g, float *y, float *sums) {
    const float inverse_root_two_pi = 0.398942280f;
    Vector v[VECTORS_AT_ONCE], phi[VECTORS_AT_ONCE], density[VECTORS_AT_ONCE];
    EACH(i, count) v[i] = load_first(x + i * WIDTH, i == count - 1 ? n : WIDTH);
    EACH(i, count) density[i] = v[i] * v[i] * -0.5f;
    exponentials(count, density, density);
    normal_distributions(count, v, phi);
    EACH(i, count) {
        const int lanes = i == count - 1 ? n : WIDTH;
        const Vector slope = v[i] * inverse_root_two_pi * density[i] + phi[i];
        const Vector d = load_first(g + i * WIDTH, lanes) * slope;
        store_first(y + i * WIDTH, v[i] * phi[i], lanes);
        store_first(g + i * WIDTH, d, lanes);
        store_first(sums + i * WIDTH, load_first(sums + i * WIDTH, lanes) + d, lanes);
    }
}

static void gelu_again(const float *x, long rows, long columns, float *g, float *y, float *sums) {
    const long block = VECTORS_AT_ONCE * WIDTH, blocks = columns / block;
    for (long i = 0; i < rows; ++i, x += columns, g += columns, y += columns) {
        for (long b = 0; b < blocks; ++b) {
            const long at = b * block;
            gelu_again_vectors(VECTORS_AT_ONCE, WIDTH, x + at, g + at, y + at, sums + at);
        }
        const long done = blocks * block;
        FOR_VECTORS(j, n, columns - done, {
            gelu_again_vectors(1, n, x + done + j, g + done + j, y + done + j, sums + done + j);
        });
    }
}

static void add_with_bias(const float *x, long rows, long columns, const float *bias, float *y) {
    for (long i = 0; i < rows; ++i, x += columns, y += columns) {
        FOR_VECTORS(j, n, columns, {
            const Vector v = load_first(x + j, n) + load_first(bias + j, n);
            store_first(y + j, load_first(y + j, n) + v, n);
        });
    }
}

static void add_then_layer_norm(
    const float *x, long rows, long columns, const float *bias, const float *gamma, const float *beta, float epsilon,
    float *m, float *mean, float *rstd, float *y) {
    // As many rows as are normalised together, while they are in the first cache.
    for (long i = 0; i < rows; i += ROWS_AT_ONCE) {
        const long count = rows - i < ROWS_AT_ONCE ? rows - i : ROWS_AT_ONCE, at = i * columns;
        add_with_bias(x + at, count, columns, bias, m + at);
        layer_norm(m + at, count, columns, gamma, beta, epsilon, mean + i, rstd + i, y + at);
    }
}

static void normalize_rows(
    const float *x, long rows, long columns, const float *mean, const float *rstd, const float *gamma,
    const float *beta, float *y) {
    for (long i = 0; i < rows; ++i, x += columns, y += columns) {
        FOR_VECTORS(j, n, columns, {
            const Vector normal = (load_first(x + j, n) - mean[i]) * rstd[i];
            store_first(y + j, normal * load_first(gamma + j, n) + load_first(beta + j, n), n);
        });
    }
}
