// Kernels that treat each number alone.

static void fill(float *x, long count, float value) {
    FOR_VECTORS(i, n, count, store_first(x + i, splat(value), n););
}

static void add(const float *x, float alpha, float *y, long count) {
    FOR_VECTORS(i, n, count, store_first(y + i, load_first(x + i, n) * alpha + load_first(y + i, n), n););
}

static void sum(const float *x, const float *y, float *z, long count) {
    FOR_VECTORS(i, n, count, store_first(z + i, load_first(x + i, n) + load_first(y + i, n), n););
}

static void scale(float *x, float alpha, long count) {
    FOR_VECTORS(i, n, count, store_first(x + i, load_first(x + i, n) * alpha, n););
}

static double sum_of_squares(const float *x, long count) {
    DoubleVector total = {};
    FOR_VECTORS(i, n, count, {
        const DoubleVector v = widen(load_first(x + i, n));
        total += v * v;
    });
    return sum_double_lanes(total);
}

static void relu(const float *x, float *y, long count) {
    FOR_VECTORS(i, n, count, store_first(y + i, at_least(load_first(x + i, n), splat(0)), n););
}

static void relu_backward(const float *x, const float *dy, float *dx, long count) {
    FOR_VECTORS(i, n, count, {
        const Vector v = load_first(x + i, n);
        store_first(dx + i, pick(v > splat(0), load_first(dy + i, n), splat(0)), n);
    });
}

/// GELU of `count` vectors, of which the last has n numbers.
INLINE void gelu_vectors(const int count, const int n, const float *x, float *y) {
    Vector v[VECTORS_AT_ONCE], phi[VECTORS_AT_ONCE];
    EACH(i, count) v[i] = load_first(x + i * WIDTH, i == count - 1 ? n : WIDTH);
    normal_distributions(count, v, phi);
    EACH(i, count) store_first(y + i * WIDTH, v[i] * phi[i], i == count - 1 ? n : WIDTH);
}

static void gelu(const float *x, float *y, long count) {
    const long block = VECTORS_AT_ONCE * WIDTH;
    const long blocks = count / block;
    for (long b = 0; b < blocks; ++b, x += block, y += block) gelu_vectors(VECTORS_AT_ONCE, WIDTH, x, y);
    FOR_VECTORS(i, n, count - blocks * block, gelu_vectors(1, n, x + i, y + i););
}

/// The gradient of GELU for `count` vectors, of which the last has n numbers.
INLINE void gelu_backward_vectors(const int count, const int n, const float *x, const float *dy, float *dx) {
    const float inverse_root_two_pi = 0.398942280f;
    Vector v[VECTORS_AT_ONCE], phi[VECTORS_AT_ONCE], density[VECTORS_AT_ONCE];
    EACH(i, count) v[i] = load_first(x + i * WIDTH, i == count - 1 ? n : WIDTH);
    EACH(i, count) density[i] = v[i] * v[i] * -0.5f;
    exponentials(count, density, density);
    normal_distributions(count, v, phi);
    EACH(i, count) {
        const int lanes = i == count - 1 ? n : WIDTH;
        const Vector slope = v[i] * inverse_root_two_pi * density[i] + phi[i];
        store_first(dx + i * WIDTH, load_first(dy + i * WIDTH, lanes) * slope, lanes);
    }
}

static void gelu_backward(const float *x, const float *dy, float *dx, long count) {
    const long block = VECTORS_AT_ONCE * WIDTH;
    const long blocks = count / block;
    for (long b = 0; b < blocks; ++b, x += block, dy += block, dx += block) {
        gelu_backward_vectors(VECTORS_AT_ONCE, WIDTH, x, dy, dx);
    }
    FOR_VECTORS(i, n, count - blocks * block, gelu_backward_vectors(1, n, x + i, dy + i, dx + i););
}

static void adamw(float *p, const float *g, float *m, float *v, long count, CAdamWStep step) {
    FOR_VECTORS(i, n, count, {
        const Vector gradient = load_first(g + i, n);
        const Vector first = load_first(m + i, n) * step.beta1 + gradient * step.beta1_complement;
        const Vector second = load_first(v + i, n) * step.beta2 + gradient * gradient * step.beta2_complement;
        const Vector scale = square_root(second) * step.second_moment_factor + step.epsilon;
        store_first(m + i, first, n);
        store_first(v + i, second, n);
        store_first(p + i, load_first(p + i, n) * step.decay - first * step.step_size / scale, n);
    });
}

static void move_towards(const float *x, float rate, float *y, long count) {
    FOR_VECTORS(i, n, count, {
        const Vector v = load_first(y + i, n);
        store_first(y + i, (load_first(x + i, n) - v) * rate + v, n);
    });
}

static double smooth_l1(const float *x, const float *y, float scale, float *gradient, long count) {
    DoubleVector total = {};
    FOR_VECTORS(i, n, count, {
        const Vector d = load_first(x + i, n) - load_first(y + i, n);
        const Vector a = magnitude(d);
        total += widen(pick(a < splat(1), d * d * 0.5f, a - 0.5f));
        store_first(gradient + i, at_most(at_least(d, splat(-1)), splat(1)) * scale, n);
    });
    return sum_double_lanes(total);
}

static double l2(const float *x, const float *y, float scale, float *gradient, long count) {
    DoubleVector total = {};
    FOR_VECTORS(i, n, count, {
        const Vector d = load_first(x + i, n) - load_first(y + i, n);
        total += widen(d * d);
        store_first(gradient + i, d * (2 * scale), n);
    });
    return sum_double_lanes(total);
}

static double l1(const float *x, const float *y, float scale, float *gradient, long count) {
    DoubleVector total = {};
    FOR_VECTORS(i, n, count, {
        const Vector d = load_first(x + i, n) - load_first(y + i, n);
        total += widen(magnitude(d));
        // The sign, 0 at 0; the last term keeps a NaN.
        const Vector sign = pick(d > splat(0), splat(1), pick(d < splat(0), splat(-1), d));
        store_first(gradient + i, sign * scale, n);
    });
    return sum_double_lanes(total);
}

static double loss(CLoss loss, const float *x, const float *y, float scale, float *gradient, long count) {
    switch (loss) {
    case CLossSmoothL1:
        return smooth_l1(x, y, scale, gradient, count);
    case CLossL2:
        return l2(x, y, scale, gradient, count);
    case CLossL1:
        return l1(x, y, scale, gradient, count);
    }
    __builtin_unreachable();
}
