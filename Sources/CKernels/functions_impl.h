// Functions of single numbers for all floats. Errors are the largest over a sample of one float in 97 from all floats.

typedef int64_t LongVector __attribute__((vector_size(128)));

/// eˣ within 1 unit in the last place, from 0 to infinity.
INLINE Vector exponential_of_any(Vector x) {
    // As in `exponentials`. Beyond these limits the result is 0 or infinite.
    const Vector limited = at_most(at_least(x, splat(-104)), splat(89));
    const Vector shifted = limited * 1.44269504f + 12582912.0f;
    const Vector n = shifted - 12582912.0f;
    const Vector r = (limited - n * 0.693359375f) + n * 2.12194440e-4f;
    Vector q = r * 0.00138145985f + 0.00836871702f;
    q = q * r + 0.0416683881f;
    q = q * r + 0.166665206f;
    q = q * r + 0.499999934f;
    q = (q * r) * r + r + 1.0f;
    // 2ⁿ in two factors: n reaches from −150 to 128, beyond the exponents of floats.
    const IntVector whole = (IntVector)shifted - 0x4b400000;
    const IntVector half = whole >> 1;
    return q * (Vector)((half + 127) << 23) * (Vector)((whole - half + 127) << 23);
}

/// ln x within 1 unit in the last place; −∞ at 0, NaN below.
///
/// x = 2ᵏ (1 + f) with √½ ≤ 1 + f < √2; ln (1 + f) = f − f²/2 + f³ P(f), P as in Cephes (Moshier 1992).
INLINE Vector logarithm(Vector x) {
    // Subnormal numbers have no exponent of their own.
    const IntVector tiny = x < splat(0x1p-126f);
    const IntVector bits = (IntVector)pick(tiny, x * 0x1p25f, x);
    const IntVector k = (bits - 0x3f3504f3) >> 23;
    const Vector exponent = __builtin_convertvector(k, Vector) - pick(tiny, splat(25), splat(0));
    const Vector f = (Vector)(bits - (k << 23)) - 1.0f;
    const Vector square = f * f;
    Vector p = f * 7.0376836292e-2f - 1.1514610310e-1f;
    p = p * f + 1.1676998740e-1f;
    p = p * f - 1.2420140846e-1f;
    p = p * f + 1.4249322787e-1f;
    p = p * f - 1.6668057665e-1f;
    p = p * f + 2.0000714765e-1f;
    p = p * f - 2.4999993993e-1f;
    p = p * f + 3.3333331174e-1f;
    // The small parts first; ln 2 in two parts, of which the first makes an exact product.
    Vector y = p * f * square - exponent * 2.12194440e-4f;
    y = (y - square * 0.5f + f) + exponent * 0.693359375f;
    y = pick(x == splat(0), splat(-__builtin_inff()), y);
    y = pick(x < splat(0), splat(__builtin_nanf("")), y);
    // Infinity and NaN.
    return pick(x < splat(__builtin_inff()), y, x);
}

/// sin x, or cos x = sin (x + π/2) for a quarter of 1, within 1.6 units in the last place up to 10⁶; beyond by the C
/// library, number by number.
///
/// x = n π/2 + r with |r| ≤ π/4, in double precision and with π/2 in two parts, of which the first makes an exact product.
/// The polynomials are those of Cephes (Moshier 1992).
INLINE Vector sine_or_cosine(Vector x, const int quarter) {
    const DoubleVector whole = widen(x);
    const DoubleVector shifted = whole * 0.63661977236758134 + 6755399441055744.0;
    const DoubleVector n = shifted - 6755399441055744.0;
    const Vector r = narrow((whole - n * 1.57079632673412561417) - n * 6.07710050650619224932e-11);
    const IntVector number = __builtin_convertvector((LongVector)shifted, IntVector) + quarter;
    const Vector z = r * r;
    Vector s = z * -1.9515295891e-4f + 8.3321608736e-3f;
    s = s * z - 1.6666654611e-1f;
    s = s * z * r + r;
    Vector c = z * 2.443315711809948e-5f - 1.388731625493765e-3f;
    c = c * z + 4.166664568298827e-2f;
    c = c * z * z - z * 0.5f + 1.0f;
    Vector y = pick(-(number & 1), c, s);
    y = (Vector)((IntVector)y ^ (number & 2) << 30);
    const IntVector far = magnitude(x) > splat(1e6f);
    if (__builtin_reduce_or(far)) {
        for (int i = 0; i < WIDTH; ++i) {
            if (far[i]) y[i] = quarter ? cosf(x[i]) : sinf(x[i]);
        }
    }
    return y;
}

INLINE Vector sine(Vector x) { return sine_or_cosine(x, 0); }
INLINE Vector cosine(Vector x) { return sine_or_cosine(x, 1); }
INLINE Vector positive_part(Vector x) { return at_least(x, splat(0)); }
INLINE Vector step_function(Vector x) { return pick(x > splat(0), splat(1), pick(x == x, splat(0), x)); }
