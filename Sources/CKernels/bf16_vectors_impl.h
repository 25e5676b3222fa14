// Sixteen bfloat16 numbers at a time.

typedef uint16_t NarrowVector __attribute__((vector_size(32)));
typedef uint32_t WordVector __attribute__((vector_size(64)));
/// Sixteen pairs.
typedef uint16_t PairVector __attribute__((vector_size(64)));

enum {
    /// Depth of a tile of a packed matrix, and what the rows of narrow matrices are padded to.
    TILE_DEPTH = 32,
    /// Elements of a tile, 32 × 16.
    TILE_ELEMENTS = 512,
    /// Columns of a panel: two tiles side by side.
    PANEL_COLUMNS = 32,
};

INLINE long round_up_32(long count) { return (count + 31) / 32 * 32; }

INLINE NarrowVector load_narrow(const uint16_t *p) {
    NarrowVector v;
    memcpy(&v, p, sizeof v);
    return v;
}

INLINE void store_narrow(uint16_t *p, NarrowVector v) { memcpy(p, &v, sizeof v); }

/// The first n ≤ 16 numbers, followed by zeros.
INLINE NarrowVector load_narrow_first(const uint16_t *p, long n) {
    if (n >= WIDTH) return load_narrow(p);
#if CKERNELS_HAS_MASKS
    return (NarrowVector)_mm256_maskz_loadu_epi16((__mmask16)((1u << n) - 1), p);
#else
    NarrowVector v = {};
    for (int i = 0; i < n; ++i) v[i] = p[i];
    return v;
#endif
}

INLINE void store_narrow_first(uint16_t *p, NarrowVector v, long n) {
    if (n >= WIDTH) {
        store_narrow(p, v);
        return;
    }
#if CKERNELS_HAS_MASKS
    _mm256_mask_storeu_epi16(p, (__mmask16)((1u << n) - 1), (__m256i)v);
#else
    for (int i = 0; i < n; ++i) p[i] = v[i];
#endif
}

INLINE Vector widened(NarrowVector v) { return (Vector)(__builtin_convertvector(v, WordVector) << 16); }

/// Rounded to nearest even; a NaN stays one.
INLINE NarrowVector narrowed(Vector v) {
#if BF16_HAS_CONVERSION
    return (NarrowVector)_mm512_cvtneps_pbh((__m512)v);
#else
    const WordVector bits = (WordVector)v;
    const WordVector rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
    const WordVector quiet = (bits >> 16) | 0x40;
    const WordVector is_nan = (WordVector)(v != v);
    return __builtin_convertvector((rounded & ~is_nan) | (quiet & is_nan), NarrowVector);
#endif
}

/// (a[0], b[0]), (a[1], b[1]) …
INLINE Vector interleaved(NarrowVector a, NarrowVector b) {
    return (Vector)(PairVector)__builtin_shufflevector(
        a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29,
        14, 30, 15, 31);
}

/// Sets count < 16 elements to zero.
INLINE void zero_narrow(uint16_t *p, long count) {
    for (long i = 0; i < count; i += WIDTH) store_narrow_first(p + i, (NarrowVector){}, count - i);
}

/// y = 2ˣ for `count` ≤ MOST_VECTORS vectors x ≤ 0, with a relative error of 8e-5; below −126 it stays at the smallest
/// normal number. y may be x.
///
/// x = n + r, 2ˣ = 2ⁿ P(r) with a minimax polynomial on |r| ≤ ½.
INLINE void coarse_powers_of_two(const int count, const Vector *x, Vector *y) {
    Vector shifted[MOST_VECTORS], r[MOST_VECTORS], p[MOST_VECTORS];
    EACH(i, count) r[i] = at_least(x[i], splat(-126));
    // Adding 1.5 · 2²³ leaves the rounded number in the low bits.
    EACH(i, count) shifted[i] = r[i] + 12582912.0f;
    EACH(i, count) r[i] = r[i] - (shifted[i] - 12582912.0f);
    EACH(i, count) p[i] = r[i] * 0.0551716708f + 0.242611138f;
    EACH(i, count) p[i] = p[i] * r[i] + 0.693260987f;
    EACH(i, count) p[i] = p[i] * r[i] + 0.999928073f;
    EACH(i, count) y[i] = (Vector)((IntVector)p[i] + ((IntVector)shifted[i] << 23));
}

/// Φ(x) for `count` ≤ MOST_VECTORS vectors, with an absolute error of 2e-5: a hundredth of what bfloat16 resolves.
///
/// Φ(x) − ½ = x P(2x²/4.2² − 1) on |x| ≤ 4.2 with a minimax polynomial; beyond it is 0 or 1.
INLINE void coarse_normal_distributions(const int count, const Vector *x, Vector *y) {
    static const float coefficients[] = {
        -0.00581766479f, 0.00810471177f, -0.0136755295f, 0.0250052772f, -0.0389561132f, 0.0558151379f,
        -0.0814830437f, 0.167858228f,
    };
    Vector limited[MOST_VECTORS], s[MOST_VECTORS], p[MOST_VECTORS];
    EACH(i, count) limited[i] = at_most(at_least(x[i], splat(-4.2f)), splat(4.2f));
    EACH(i, count) s[i] = limited[i] * limited[i] * 0.11337868f - 1.0f;
    EACH(i, count) p[i] = splat(0.00219667214f);
    EACH(k, 8) {
        EACH(i, count) p[i] = p[i] * s[i] + coefficients[k];
    }
    // x P ends at ±0.5000002, so that the left tail is cut to 0.
    EACH(i, count) y[i] = at_least(limited[i] * p[i] + 0.5f, splat(0));
}

/// GELU′(x) = Φ(x) + x φ(x), with an absolute error of 1e-4, by a polynomial like the one for Φ.
INLINE void coarse_gelu_slopes(const int count, const Vector *x, Vector *y) {
    static const float coefficients[] = {
        0.0559653491f, -0.0454819687f, 0.047731109f, -0.0877554864f, 0.105035707f, -0.0953646526f, 0.0861832201f,
        -0.0899201855f, 0.159440756f,
    };
    Vector limited[MOST_VECTORS], s[MOST_VECTORS], p[MOST_VECTORS];
    EACH(i, count) limited[i] = at_most(at_least(x[i], splat(-4.5f)), splat(4.5f));
    EACH(i, count) s[i] = limited[i] * limited[i] * 0.09876543f - 1.0f;
    EACH(i, count) p[i] = splat(-0.0247227009f);
    EACH(k, 9) {
        EACH(i, count) p[i] = p[i] * s[i] + coefficients[k];
    }
    EACH(i, count) y[i] = limited[i] * p[i] + 0.5f;
}
