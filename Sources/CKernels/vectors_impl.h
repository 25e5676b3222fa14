// Sixteen floats at a time, in the compiler's vector extensions: one AVX-512 register, two AVX ones, four of 128 bits.
// Equal widths everywhere give equal summation orders.

#include <stdint.h>
#include <string.h>

// Vectors are passed between functions that are always inlined, so how they would be passed does not matter.
#pragma clang diagnostic ignored "-Wpsabi"

#define INLINE static inline __attribute__((always_inline))

enum { WIDTH = 16 };

typedef float Vector __attribute__((vector_size(64)));
typedef int32_t IntVector __attribute__((vector_size(64)));
typedef double DoubleVector __attribute__((vector_size(128)));

/// Sixteen times x. (Not `(Vector){} + x`: 0 + x is not x where x is −0, so the addition would stay.)
INLINE Vector splat(float x) { return (Vector){x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x}; }

INLINE Vector load(const float *p) {
    Vector v;
    memcpy(&v, p, sizeof v);
    return v;
}

INLINE void store(float *p, Vector v) { memcpy(p, &v, sizeof v); }

/// The lanes below n, as all-ones.
INLINE IntVector lanes_below(int n) {
    const IntVector lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    return lane < (IntVector){} + n;
}

/// a where the mask is all-ones, b where it is 0.
INLINE Vector pick(IntVector mask, Vector a, Vector b) {
    return (Vector)((mask & (IntVector)a) | (~mask & (IntVector)b));
}

/// The first n ≤ 16 numbers, followed by zeros.
INLINE Vector load_first(const float *p, int n) {
    if (n == WIDTH) return load(p);
#if CKERNELS_HAS_MASKS
    return (Vector)_mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p);
#else
    Vector v = {};
    for (int i = 0; i < n; ++i) v[i] = p[i];
    return v;
#endif
}

INLINE void store_first(float *p, Vector v, int n) {
    if (n == WIDTH) {
        store(p, v);
        return;
    }
#if CKERNELS_HAS_MASKS
    _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), (__m512)v);
#else
    for (int i = 0; i < n; ++i) p[i] = v[i];
#endif
}

/// Runs the statements for i = 0, 16, 32 …, with n = 16 (a constant, so that loads and stores become plain) for all
/// but an incomplete last vector, where n is what is left.
#define FOR_VECTORS(i, n, count, ...) \
    do { \
        long i = 0; \
        for (; i + WIDTH <= (count); i += WIDTH) { \
            enum { n = WIDTH }; \
            __VA_ARGS__ \
        } \
        if (i < (count)) { \
            const int n = (int)((count) - i); \
            __VA_ARGS__ \
        } \
    } while (0)

// Comparisons are written so that a NaN in x stays.
INLINE Vector at_least(Vector x, Vector low) { return pick(x < low, low, x); }
INLINE Vector at_most(Vector x, Vector high) { return pick(x > high, high, x); }
INLINE Vector magnitude(Vector x) { return (Vector)((IntVector)x & 0x7fffffff); }

INLINE float sum_lanes(Vector v) {
    typedef float Half __attribute__((vector_size(32)));
    typedef float Quarter __attribute__((vector_size(16)));
    const Half h = __builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7)
        + __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15);
    const Quarter q = __builtin_shufflevector(h, h, 0, 1, 2, 3) + __builtin_shufflevector(h, h, 4, 5, 6, 7);
    return (q[0] + q[2]) + (q[1] + q[3]);
}

INLINE float max_lanes(Vector v) {
    Vector w = __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15);
    v = pick(v > w, v, w);
    w = __builtin_shufflevector(v, v, 4, 5, 6, 7, 4, 5, 6, 7, 4, 5, 6, 7, 4, 5, 6, 7);
    v = pick(v > w, v, w);
    w = __builtin_shufflevector(v, v, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3);
    v = pick(v > w, v, w);
    return v[0] > v[1] ? v[0] : v[1];
}

INLINE DoubleVector widen(Vector v) { return __builtin_convertvector(v, DoubleVector); }
INLINE Vector narrow(DoubleVector v) { return __builtin_convertvector(v, Vector); }

INLINE double sum_double_lanes(DoubleVector v) {
    double total = 0;
    for (int i = 0; i < WIDTH; ++i) total += v[i];
    return total;
}

enum {
    /// How many vectors go through a long formula together.
    VECTORS_AT_ONCE = 4,
    /// The largest `count` below.
    MOST_VECTORS = 8,
};

/// The statement for i in 0 ..< count, a constant, written out: vectors at once, whose steps alternate, so that the
/// arithmetic units need not wait for one chain of dependent steps.
#define EACH(i, count) _Pragma("clang loop unroll(full)") for (int i = 0; i < (count); ++i)

/// y = eˣ for `count` ≤ MOST_VECTORS vectors x ≤ 0, with a relative error of about 1e-7; below −87.3 it stays at the
/// smallest normal number. y may be x.
///
/// x = n ln 2 + r, eˣ = 2ⁿ (1 + r + r² Q(r)); Q is a minimax polynomial on |r| ≤ ln 2 / 2 (relative error 3e-9).
INLINE void exponentials(const int count, const Vector *x, Vector *y) {
    Vector shifted[MOST_VECTORS], r[MOST_VECTORS], q[MOST_VECTORS];
    EACH(i, count) r[i] = at_least(x[i], splat(-87.3f));
    // Adding 1.5 · 2²³ leaves the rounded quotient in the low bits.
    EACH(i, count) shifted[i] = r[i] * 1.44269504f + 12582912.0f;
    EACH(i, count) {
        // ln 2 in two parts, of which the first has few enough bits for an exact product.
        const Vector n = shifted[i] - 12582912.0f;
        r[i] = (r[i] - n * 0.693359375f) + n * 2.12194440e-4f;
    }
    EACH(i, count) q[i] = r[i] * 0.00138145985f + 0.00836871702f;
    EACH(i, count) q[i] = q[i] * r[i] + 0.0416683881f;
    EACH(i, count) q[i] = q[i] * r[i] + 0.166665206f;
    EACH(i, count) q[i] = q[i] * r[i] + 0.499999934f;
    EACH(i, count) q[i] = (q[i] * r[i]) * r[i] + r[i] + 1.0f;
    EACH(i, count) y[i] = (Vector)((IntVector)q[i] + ((IntVector)shifted[i] << 23));
}

INLINE Vector exponential(Vector x) {
    exponentials(1, &x, &x);
    return x;
}

/// y = Φ(x), the standard normal distribution, for `count` ≤ MOST_VECTORS vectors, with an absolute error of about
/// 1e-7.
///
/// Φ(x) − ½ = x P(2x²/5.4² − 1) on |x| ≤ 5.4 with a minimax polynomial (error 3e-8); beyond it is 0 or 1 in float.
INLINE void normal_distributions(const int count, const Vector *x, Vector *y) {
    static const float coefficients[] = {
        -0.00102836917f, 0.000874935027f, -0.00118640937f, 0.00365892061f, -0.00671533941f,
        0.00965119703f, -0.0139633196f, 0.0196451438f, -0.0257464573f, 0.0321165953f,
        -0.039206813f, 0.0484995915f, -0.0653280549f, 0.130928113f,
    };
    Vector limited[MOST_VECTORS], s[MOST_VECTORS], p[MOST_VECTORS];
    EACH(i, count) limited[i] = at_most(at_least(x[i], splat(-5.4f)), splat(5.4f));
    EACH(i, count) s[i] = limited[i] * limited[i] * 0.0685871056f - 1.0f;
    EACH(i, count) p[i] = splat(0.000392858401f);
    EACH(k, 14) {
        EACH(i, count) p[i] = p[i] * s[i] + coefficients[k];
    }
    // x P ends at ±0.50000006, so that the left tail is cut to 0 and the right one rounds to 1.
    EACH(i, count) y[i] = at_least(limited[i] * p[i] + 0.5f, splat(0));
}

INLINE Vector square_root(Vector x) { return __builtin_elementwise_sqrt(x); }
