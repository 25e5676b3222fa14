#ifndef CONEDNN_H
#define CONEDNN_H

#pragma clang assume_nonnull begin

/// One matrix product of oneDNN with operands of its own: C [n, d] = op(A) · op(B), or C += op(A) · op(B).
typedef struct COneDNNProduct COneDNNProduct;

/// Null where this oneDNN has no such product.
///
/// - narrow: bfloat16 operands; C is float32 where it accumulates, else bfloat16.
/// - packs: B lies in memory as oneDNN likes it best, which is done once.
COneDNNProduct *_Nullable conednn_product(
    long n, long k, long d, int transposes_a, int transposes_b, int accumulates, int narrow, int packs);

/// Multiplies once, on the calling thread if OMP_NUM_THREADS is 1.
void conednn_run(COneDNNProduct *product);

void conednn_free(COneDNNProduct *product);

#pragma clang assume_nonnull end

#endif
