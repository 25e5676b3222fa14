// Every bfloat16 kernel, written once and compiled for each kind by the file that includes this one.
//
// That file defines BF16_TABLE and BF16_KIND, BF16_TILE (the header with its tile product), CKERNELS_HAS_MASKS where
// AVX-512 masks exist, BF16_HAS_CONVERSION where AVX512-BF16 does, and what its tile product needs.

#include "CKernels.h"

#include "vectors_impl.h"

#include "transpose_impl.h"

#include "bf16_vectors_impl.h"

#include "bf16_pack_impl.h"
#include BF16_TILE
#include "bf16_products_impl.h"
#include "bf16_rows_impl.h"
#include "bf16_attention_impl.h"

const CBF16Table BF16_TABLE = {
    .kind = BF16_KIND,
    .narrow = narrow_rows,
    .widen = widen_rows,
    .pack_weight = pack_weight,
    .product = product,
    .weight_gradient_scratch = weight_gradient_scratch,
    .weight_gradient = weight_gradient,
    .layer_norm = layer_norm,
    .scale_normal = scale_normal,
    .layer_norm_backward = layer_norm_backward,
    .attention_scratch = attention_scratch,
    .attention = attention,
    .attention_backward = attention_backward,
};
