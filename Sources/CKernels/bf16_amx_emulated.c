// The code for AMX on a software form of the tile instructions: for tests of layouts, tails and configurations.
#define BF16_TABLE ckernels_bf16_amx_emulated
#define BF16_KIND CBF16AMXEmulated
#define BF16_TILE "bf16_amx_impl.h"
#define TILE_CONFIGURE(configuration) emulated_configure(configuration)
#define TILE_FREE() emulated_free()
#define TILE_ZERO(t) emulated_zero(t)
#define TILE_LOAD(t, from, bytes) emulated_load(t, from, bytes)
#define TILE_DOT(t, a, b) emulated_dot(t, a, b)
#define TILE_STORE(t, to, bytes) emulated_store(t, to, bytes)

#include "amx_emulation.h"
#include "bf16_impl.h"
