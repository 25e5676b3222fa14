// Every kernel, written once and compiled for the instruction set of the file that includes this one.
//
// That file defines CKERNELS_TABLE and CKERNELS_INSTRUCTION_SET, the register tile of small matrix products
// (TILE_ROWS × TILE_VECTORS vectors), and CKERNELS_HAS_MASKS where AVX-512 masks exist.

#include "CKernels.h"

#include <math.h>

#include "vectors_impl.h"

#include "transpose_impl.h"
#include "functions_impl.h"
#include "elementwise_impl.h"
#include "rows_impl.h"
#include "columns_impl.h"
#include "matrices_impl.h"
#include "products_impl.h"
#include "attention_impl.h"
#include "split_attention_impl.h"
#include "block_impl.h"

const KernelTable CKERNELS_TABLE = {
    .instruction_set = CKERNELS_INSTRUCTION_SET,
    .fill = fill,
    .add = add,
    .sum = sum,
    .scale = scale,
    .sum_of_squares = sum_of_squares,
    .relu = relu,
    .relu_backward = relu_backward,
    .gelu = gelu,
    .gelu_backward = gelu_backward,
    .adamw = adamw,
    .move_towards = move_towards,
    .loss = loss,
    .fill_rows = fill_rows,
    .add_column_sums = add_column_sums,
    .layer_norm = layer_norm,
    .layer_norm_backward = layer_norm_backward,
    .cross_entropy = cross_entropy,
    .column_moments = column_moments,
    .normalize_columns = normalize_columns,
    .add_columns = add_columns,
    .batch_norm_backward = batch_norm_backward,
    .apply = apply,
    .combine = combine,
    .sum_rows = sum_rows,
    .sum_columns = sum_columns,
    .max_rows = max_rows,
    .max_columns = max_columns,
    .transpose = transpose,
    .linear = linear,
    .linear_backward_input = linear_backward_input,
    .linear_backward_weight = linear_backward_weight,
    .attention = attention,
    .attention_backward = attention_backward,
    .attend = attend,
    .attend_backward = attend_backward,
    .bias_gelu = bias_gelu,
    .gelu_again = gelu_again,
    .add_with_bias = add_with_bias,
    .add_then_layer_norm = add_then_layer_norm,
    .normalize_rows = normalize_rows,
};
