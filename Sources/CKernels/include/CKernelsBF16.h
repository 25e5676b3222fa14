#ifndef CKERNELS_BF16_H
#define CKERNELS_BF16_H

#include <stdint.h>

/// Products, normalisations and attention on bfloat16 for one processor core, compiled once for each way of multiplying.
///
/// A bfloat16 is the upper half of a float32, kept as uint16_t and rounded to nearest even. Sums are float32.
///
/// Layouts:
/// - A *narrow matrix* [rows, columns] is row-major with a stride of at least ⌈columns / 32⌉ · 32 elements; the elements
///   of a row from `columns` up to that multiple of 32 are zero. Kernels that write one write those zeros too.
/// - A *packed matrix* [depth, columns] is the right operand of a product: tiles of 32 × 16 numbers, 1 KiB each, in the
///   order [⌈columns / 32⌉ · 2][⌈depth / 32⌉], a tile as [16 pairs of depth][16 columns][2]; what lies outside is zero.
///   AVX-512 and AMX both read it as it is.
///
/// Conventions as for the float32 kernels, and: no pointer of a narrow or packed matrix needs an alignment, but packed
/// matrices at multiples of 64 bytes are faster.

#pragma clang assume_nonnull begin

/// A way of multiplying bfloat16, from the slowest to the fastest.
typedef enum __attribute__((enum_extensibility(closed))) {
    /// Widens to float32, in the compiler's baseline.
    CBF16Portable = 0,
    /// Widens to float32.
    CBF16AVX2 = 1,
    /// Widens to float32.
    CBF16AVX512 = 2,
    /// VDPBF16PS.
    CBF16AVX512BF16 = 3,
    /// TDPBF16PS, on tiles of 16 × 32.
    CBF16AMX = 4,
    /// The code of CBF16AMX on a software form of the tile instructions, for tests on processors without them.
    CBF16AMXEmulated = 5,
} CBF16Kind;

/// What becomes of the numbers acc [rows, columns] of a product.
typedef enum __attribute__((enum_extensibility(closed))) {
    /// wide = acc + bias.
    CBF16Store = 0,
    /// wide += acc.
    CBF16Accumulate = 1,
    /// wide = residual + acc + bias; wide may be residual.
    CBF16Residual = 2,
    /// narrow = acc + bias.
    CBF16Narrow = 3,
    /// narrow = acc + bias, activated = GELU(narrow).
    CBF16GELU = 4,
    /// narrow = acc · GELU′(pre), activated = GELU(pre); narrow may be pre.
    CBF16GELUBackward = 5,
} CBF16Finish;

/// Where a product's results go. Strides are of rows, in elements.
typedef struct {
    CBF16Finish finish;
    /// [columns], or null for none.
    const float *_Nullable bias;
    const float *_Nullable residual;
    long residual_stride;
    float *_Nullable wide;
    long wide_stride;
    uint16_t *_Nullable narrow;
    long narrow_stride;
    /// A narrow matrix; null leaves it out.
    uint16_t *_Nullable activated;
    long activated_stride;
    const uint16_t *_Nullable pre;
    long pre_stride;
} CBF16Output;

/// Rows in two places: `first_count` at `first`, then `second_count` at `second`, of one stride.
typedef struct {
    const uint16_t *_Nullable first;
    long first_count;
    const uint16_t *_Nullable second;
    long second_count;
    long stride;
} CBF16Rows;

/// The same, to be written.
typedef struct {
    uint16_t *_Nullable first;
    long first_count;
    uint16_t *_Nullable second;
    long second_count;
    long stride;
} CBF16MutableRows;

typedef struct {
    CBF16Kind kind;

    /// y [rows, columns] as a narrow matrix = x, rounded.
    void (*narrow)(const float *x, long rows, long columns, long x_stride, uint16_t *y, long y_stride);
    /// y = x, widened, or y += x.
    void (*widen)(const uint16_t *x, long rows, long columns, long x_stride, float *y, long y_stride,
        int accumulate);

    /// Rows first ..< last of a weight [outputs, inputs] into both packed forms, where not null:
    /// `forward` [depth = inputs, columns = outputs] for y = x Wᵀ, `backward` [depth = outputs, columns = inputs] for
    /// dx = dy W. `first` is a multiple of 32, `last` too unless it is `outputs`. Tiles are written whole, zeros included.
    void (*pack_weight)(
        const float *weight, long outputs, long inputs, long first, long last, uint16_t *_Nullable forward,
        uint16_t *_Nullable backward);

    /// acc = a · b for a narrow [rows, depth], b packed [depth, columns]; then `output`.
    void (*product)(
        const uint16_t *a, long a_stride, const uint16_t *b, long rows, long depth, long columns, CBF16Output output);

    /// Elements of scratch that `weight_gradient` needs.
    long (*weight_gradient_scratch)(long outputs, long inputs);
    /// dW [outputs, inputs] += dyᵀ x and, where not null, db += Σ_rows dy; x and dy narrow.
    void (*weight_gradient)(
        const uint16_t *x, long x_stride, const uint16_t *dy, long dy_stride, long rows, long outputs, long inputs,
        float *d_weight, float *_Nullable d_bias, uint16_t *scratch);

    /// LayerNorm of float32 rows [rows, columns] to a narrow matrix y = x̂ · gamma + beta; rstd [rows] and, where not null,
    /// x̂ = (x − mean) · rstd are written. Narrow matrices of the three have one stride.
    void (*layer_norm)(
        const float *x, long rows, long columns, const float *gamma, const float *beta, float epsilon, float *rstd,
        uint16_t *_Nullable normal, uint16_t *y, long stride);
    /// y from x̂.
    void (*scale_normal)(
        const uint16_t *normal, long rows, long columns, const float *gamma, const float *beta, uint16_t *y,
        long stride);
    /// dx += the gradient of LayerNorm, d_gamma and d_beta accumulate; `narrow_dx`, where not null, is the new dx.
    void (*layer_norm_backward)(
        const uint16_t *normal, long rows, long columns, const float *gamma, const float *rstd, const uint16_t *dy,
        float *dx, float *d_gamma, float *d_beta, uint16_t *_Nullable narrow_dx, long stride);

    /// Elements of scratch, for the forward and the backward pass of attention with so many queries and keys.
    long (*attention_scratch)(long queries, long keys, long width);
    /// y = softmax(q kᵀ / √width) v for one head: q and y [queries, width], k and v [keys, width].
    ///
    /// log_sum: log Σ exp of each row of scores, one number after another. No row need be padded: nothing beyond `width`
    /// is read or written.
    void (*attention)(
        CBF16Rows q, CBF16Rows k, CBF16Rows v, long width, uint16_t *y, long y_stride, float *log_sum,
        uint16_t *scratch);
    /// dq, dk, dv are overwritten.
    void (*attention_backward)(
        CBF16Rows q, CBF16Rows k, CBF16Rows v, long width, const uint16_t *y, const uint16_t *dy, long y_stride,
        const float *log_sum, CBF16MutableRows dq, CBF16MutableRows dk, CBF16MutableRows dv, uint16_t *scratch);
} CBF16Table;

/// The fastest kernels that this processor has, or a slower kind that CJEPA_INSTRUCTION_SET (portable, avx2, avx512,
/// avx512_bf16, amx), read at the first call, asks for.
const CBF16Table *ckernels_bf16(void);

/// The kernels of one kind, or null where the processor or this build has not got it.
const CBF16Table *_Nullable ckernels_bf16_for(CBF16Kind kind);

#pragma clang assume_nonnull end

#endif
