#ifndef CKERNELS_H
#define CKERNELS_H

#include <stdint.h>

/// Vectorised float32 loops for one processor core, compiled once for each instruction set.
///
/// Conventions of every kernel: arrays are contiguous and row-major; they do not overlap unless said otherwise; counts
/// are at least 0; no kernel allocates, keeps state or starts threads. The order of every sum depends on the shapes and
/// the instruction set alone. A NaN that goes in comes out.

#pragma clang assume_nonnull begin

/// An instruction set that the kernels are compiled for, from the narrowest to the widest.
typedef enum __attribute__((enum_extensibility(closed))) {
    CKernelsPortable = 0,
    CKernelsAVX2 = 1,
    CKernelsAVX512 = 2,
} CKernelsInstructionSet;

/// The numbers of one AdamW step, prepared in double precision by the caller.
typedef struct {
    /// 1 − learning rate · weight decay.
    float decay;
    float beta1;
    /// 1 − beta1.
    float beta1_complement;
    float beta2;
    /// 1 − beta2.
    float beta2_complement;
    /// Learning rate / (1 − beta1ᵗ).
    float step_size;
    /// 1 / √(1 − beta2ᵗ).
    float second_moment_factor;
    float epsilon;
} CAdamWStep;

/// A loss that sums over elements.
typedef enum __attribute__((enum_extensibility(closed))) {
    CLossSmoothL1 = 0,
    CLossL2 = 1,
    CLossL1 = 2,
} CLoss;

/// A function of one number.
typedef enum __attribute__((enum_extensibility(closed))) {
    CFunctionSquareRoot = 0,
    CFunctionExponential = 1,
    CFunctionLogarithm = 2,
    CFunctionSine = 3,
    CFunctionCosine = 4,
    CFunctionReLU = 5,
    CFunctionStep = 6,
} CFunction;

/// A function of two numbers.
typedef enum __attribute__((enum_extensibility(closed))) {
    COperationAdd = 0,
    COperationSubtract = 1,
    COperationMultiply = 2,
    COperationDivide = 3,
} COperation;

/// A matrix of which rows or columns may be repeated.
typedef struct {
    const float *x;
    /// From one row to the next; 0 where there is one row for all.
    long row_step;
    /// Whether a row is one number for all columns.
    int repeats_columns;
} COperand;

/// Queries, keys and values of one sequence, in two parts: tokens that it shares with other sequences (none: null and
/// 0), and its own. Rows of a query lie `q_stride` apart, those of a key `k_stride`, with its value heads · width further.
typedef struct {
    const float *_Nullable q_shared;
    const float *q_own;
    const float *_Nullable k_shared;
    const float *k_own;
    long shared_queries, own_queries, shared_keys, own_keys;
    long q_stride, k_stride, heads, width;
} CAttentionParts;

/// Where the gradients of a sequence's parts go, at the same strides.
typedef struct {
    float *_Nullable q_shared;
    float *q_own;
    float *_Nullable k_shared;
    float *k_own;
} CAttentionGradients;

/// The kernels for one instruction set.
typedef struct {
    CKernelsInstructionSet instruction_set;

    // Element by element, over `count` numbers.

    /// x = value.
    void (*fill)(float *x, long count, float value);
    /// y += alpha · x.
    void (*add)(const float *x, float alpha, float *y, long count);
    /// z = x + y.
    void (*sum)(const float *x, const float *y, float *z, long count);
    /// x *= alpha.
    void (*scale)(float *x, float alpha, long count);
    /// Σ x² in double precision.
    double (*sum_of_squares)(const float *x, long count);
    /// y = max(x, 0).
    void (*relu)(const float *x, float *y, long count);
    /// dx = dy where x > 0, else 0; dx may be dy.
    void (*relu_backward)(const float *x, const float *dy, float *dx, long count);
    /// y = x · Φ(x).
    void (*gelu)(const float *x, float *y, long count);
    /// dx = dy · (Φ(x) + x · φ(x)); dx may be dy.
    void (*gelu_backward)(const float *x, const float *dy, float *dx, long count);
    /// One AdamW step of the parameters p with gradients g and moments m, v.
    void (*adamw)(float *p, const float *g, float *m, float *v, long count, CAdamWStep step);
    /// y += rate · (x − y), which cannot drift as m · y + (1 − m) · x with a rounded m would.
    void (*move_towards)(const float *x, float rate, float *y, long count);
    /// Σ loss(x − y) in double precision; gradient = scale · loss′(x − y).
    double (*loss)(CLoss loss, const float *x, const float *y, float scale, float *gradient, long count);

    // Over the rows of a matrix [rows, columns].

    /// y[i, :] = row.
    void (*fill_rows)(const float *row, float *y, long rows, long columns);
    /// sums[j] += Σ_i x[i, j].
    void (*add_column_sums)(const float *x, long rows, long columns, float *sums);
    /// LayerNorm: mean and rstd [rows], y = (x − mean) · rstd · gamma + beta; no affine part where gamma is null.
    void (*layer_norm)(
        const float *x, long rows, long columns, const float *_Nullable gamma, const float *_Nullable beta,
        float epsilon, float *mean, float *rstd, float *y);
    /// dx += the gradient of LayerNorm; d_gamma and d_beta accumulate, and are there where gamma is.
    void (*layer_norm_backward)(
        const float *x, long rows, long columns, const float *_Nullable gamma, const float *mean, const float *rstd,
        const float *dy, float *dx, float *_Nullable d_gamma, float *_Nullable d_beta);
    /// Σ_i −log softmax(logits[i])[labels[i]] in double precision; gradient = scale · (softmax − one-hot), and may be
    /// logits.
    double (*cross_entropy)(
        const float *logits, const int32_t *labels, long rows, long columns, float scale, float *gradient);

    // Over the columns of a matrix [rows, columns].

    /// mean[j], and variance[j] = Σ_i (x − mean)² / divisor, both summed in double precision.
    void (*column_moments)(const float *x, long rows, long columns, double divisor, float *mean, float *variance);
    /// y = (x − mean[j]) · factor[j] · gamma[j] + beta[j]; a null array leaves its part out; y may be x.
    void (*normalize_columns)(
        const float *x, long rows, long columns, const float *mean, const float *_Nullable factor,
        const float *_Nullable gamma, const float *_Nullable beta, float *y);
    /// y += x · factor[j].
    void (*add_columns)(const float *x, long rows, long columns, const float *factor, float *y);
    /// dx = the gradient of BatchNorm with batch statistics; d_gamma and d_beta accumulate.
    void (*batch_norm_backward)(
        const float *x, long rows, long columns, const float *_Nullable gamma, const float *mean, const float *rstd,
        const float *dy, float *dx, float *_Nullable d_gamma, float *_Nullable d_beta);

    // Matrices [rows, columns] of terms that are written as expressions.

    /// y = f(x) for `count` numbers; y may be x. Exponential, logarithm, sine and cosine are within two units in the last
    /// place for all floats.
    void (*apply)(CFunction function, const float *x, float *y, long count);
    /// y = a ∘ b; y may be an operand that repeats nothing.
    void (*combine)(COperation operation, COperand a, COperand b, float *y, long rows, long columns);
    /// sums[i] = Σ_j x[i, j] in double precision.
    void (*sum_rows)(const float *x, long rows, long columns, float *sums);
    /// sums[j] = Σ_i x[i, j] in double precision.
    void (*sum_columns)(const float *x, long rows, long columns, float *sums);
    /// maxima[i] = max_j x[i, j]; NaN where one of them is.
    void (*max_rows)(const float *x, long rows, long columns, float *maxima);
    /// maxima[j] = max_i x[i, j], rows ≥ 1; NaN where one of them is.
    void (*max_columns)(const float *x, long rows, long columns, float *maxima);
    /// y[j, i] = x[i, j].
    void (*transpose)(const float *x, long rows, long columns, float *y);

    // Linear maps y = x Wᵀ + b: x [rows, inputs], weight [outputs, inputs], bias [outputs], y [rows, outputs].
    // They read x and dy once for every 32 outputs or inputs, so they are for weights that fit into the second cache.

    /// y = x Wᵀ [+ bias].
    void (*linear)(
        const float *x, long rows, long inputs, const float *weight, long outputs, const float *_Nullable bias,
        float *y);
    /// dx = dy W, or dx += dy W.
    void (*linear_backward_input)(
        const float *dy, long rows, long outputs, const float *weight, long inputs, int accumulate, float *dx);
    /// dW += dyᵀ x.
    void (*linear_backward_weight)(
        const float *dy, long rows, long outputs, const float *x, long inputs, float *d_weight);

    // Attention: qkv [batch, tokens, 3 · heads · width], probabilities [batch, heads, tokens, tokens],
    // y [batch, tokens, heads · width].

    /// probabilities = softmax(q kᵀ / √width), y = probabilities · v.
    void (*attention)(
        const float *qkv, long batch, long tokens, long heads, long width, float *probabilities, float *y);
    /// d_qkv is overwritten; scratch [tokens, tokens].
    void (*attention_backward)(
        const float *qkv, long batch, long tokens, long heads, long width, const float *probabilities,
        const float *dy, float *d_qkv, float *scratch);

    /// softmax(q kᵀ / √width) v of one sequence: y [queries, heads · width], shared queries first.
    ///
    /// The probabilities of head h are left at p + h · p_step, [queries, tokens]; p_step may be 0. `kept`, if not null,
    /// takes what `attend_backward` needs to compute them again, [heads, queries, 2].
    void (*attend)(const CAttentionParts *parts, float *p, long p_step, float *_Nullable kept, float *y);
    /// Gradients of one sequence: those of its own tokens are overwritten, those of shared ones accumulate.
    ///
    /// Probabilities are `given` as `attend` left them, or null: computed again from `kept`. scratch [2, queries, tokens].
    void (*attend_backward)(
        const CAttentionParts *parts, const float *_Nullable given, long given_step, const float *_Nullable kept,
        const float *dy, const CAttentionGradients *to, float *scratch);

    // Several passes of a transformer block in one.

    /// x += bias, then y = GELU(x).
    void (*bias_gelu)(float *x, long rows, long columns, const float *bias, float *y);
    /// The way back: y = GELU(x), g becomes g · GELU′(x), sums[j] += Σ_i g[i, j].
    void (*gelu_again)(const float *x, long rows, long columns, float *g, float *y, float *sums);
    /// y += x + bias.
    void (*add_with_bias)(const float *x, long rows, long columns, const float *bias, float *y);
    /// m += x + bias, then y = LayerNorm(m) with its mean and rstd.
    void (*add_then_layer_norm)(
        const float *x, long rows, long columns, const float *bias, const float *gamma, const float *beta,
        float epsilon, float *m, float *mean, float *rstd, float *y);
    /// y = (x − mean) · rstd · gamma + beta: LayerNorm with statistics that are known.
    void (*normalize_rows)(
        const float *x, long rows, long columns, const float *mean, const float *rstd, const float *gamma,
        const float *beta, float *y);
} KernelTable;

/// The kernels for the widest instruction set that this processor has.
///
/// The environment variable CJEPA_INSTRUCTION_SET (portable, avx2, avx512; avx512_bf16 and amx mean avx512 here), read at
/// the first call, lowers the choice.
const KernelTable *ckernels(void);

/// The kernels for one instruction set, or null where the processor or this build has not got it.
const KernelTable *_Nullable ckernels_for(CKernelsInstructionSet instruction_set);

#pragma clang assume_nonnull end

#include "CKernelsBF16.h"

#endif
