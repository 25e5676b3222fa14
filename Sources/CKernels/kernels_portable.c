// The kernels for every processor: vectors are split into what the compiler's baseline has (SSE2, NEON …).
#define CKERNELS_TABLE ckernels_portable
#define CKERNELS_INSTRUCTION_SET CKernelsPortable
#define TILE_ROWS 2
#define TILE_VECTORS 1

#include "kernels_impl.h"
