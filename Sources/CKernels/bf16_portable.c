// bfloat16 for every processor, on float32 arithmetic of the compiler's baseline.
#define BF16_TABLE ckernels_bf16_portable
#define BF16_KIND CBF16Portable
#define BF16_TILE "bf16_generic_impl.h"
#define TILE_ROWS 2
#define TILE_VECTORS 1

#include "bf16_impl.h"
