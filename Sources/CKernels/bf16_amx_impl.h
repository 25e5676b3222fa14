// The tile product on AMX: two by two accumulators of 16 × 16, tiles of a and b of 16 × 32.
//
// The file that includes this one defines TILE_CONFIGURE(configuration), TILE_FREE(), TILE_ZERO(t), TILE_LOAD(t, from,
// bytes), TILE_DOT(t, a, b) and TILE_STORE(t, to, bytes): the instructions, or their software form.
//
// Tiles 0 to 3 are accumulators, 4 and 5 rows of a, 6 and 7 columns of b. A block of fewer than 32 rows has its own
// configuration, so that nothing beyond the rows of a is read.

enum { BF16_TILE_ROWS = 32 };

/// The operand of LDTILECFG.
typedef struct {
    uint8_t palette;
    uint8_t start_row;
    uint8_t reserved[14];
    uint16_t bytes[16];
    uint8_t rows[16];
} BF16TileConfiguration;

INLINE void bf16_configure(long rows) {
    BF16TileConfiguration configuration = {.palette = 1};
    // A tile without rows is no tile; where there is no second half its tile is there but not used.
    const uint8_t upper = rows < 16 ? (uint8_t)rows : 16, lower = rows > 16 ? (uint8_t)(rows - 16) : 1;
    EACH(t, 8) {
        configuration.bytes[t] = 64;
        configuration.rows[t] = t >= 6 ? 16 : (t == 2 || t == 3 || t == 5) ? lower : upper;
    }
    TILE_CONFIGURE(&configuration);
}

static __attribute__((noinline)) void bf16_tile(
    long rows, long depth, long columns, const uint16_t *a, long a_stride, const uint16_t *panel, float *out) {
    const long tiles = (depth + TILE_DEPTH - 1) / TILE_DEPTH;
    (void)columns;
    const uint16_t *second = panel + tiles * TILE_ELEMENTS;
    const uint16_t *lower = a + 16 * a_stride;
    TILE_ZERO(0);
    TILE_ZERO(1);
    if (rows > 16) {
        TILE_ZERO(2);
        TILE_ZERO(3);
        for (long t = 0; t < tiles; ++t) {
            TILE_LOAD(6, panel + t * TILE_ELEMENTS, 64);
            TILE_LOAD(4, a + t * TILE_DEPTH, a_stride * 2);
            TILE_DOT(0, 4, 6);
            TILE_LOAD(7, second + t * TILE_ELEMENTS, 64);
            TILE_DOT(1, 4, 7);
            TILE_LOAD(5, lower + t * TILE_DEPTH, a_stride * 2);
            TILE_DOT(2, 5, 6);
            TILE_DOT(3, 5, 7);
        }
        TILE_STORE(2, out + 16 * PANEL_COLUMNS, PANEL_COLUMNS * 4);
        TILE_STORE(3, out + 16 * PANEL_COLUMNS + 16, PANEL_COLUMNS * 4);
    } else {
        for (long t = 0; t < tiles; ++t) {
            TILE_LOAD(4, a + t * TILE_DEPTH, a_stride * 2);
            TILE_LOAD(6, panel + t * TILE_ELEMENTS, 64);
            TILE_DOT(0, 4, 6);
            TILE_LOAD(7, second + t * TILE_ELEMENTS, 64);
            TILE_DOT(1, 4, 7);
        }
    }
    TILE_STORE(0, out, PANEL_COLUMNS * 4);
    TILE_STORE(1, out + 16, PANEL_COLUMNS * 4);
}

/// Whole blocks of 32 rows, and what is left: fewer changes of configuration than with equal heights.
typedef struct {
    long count, rows;
} BF16RowSplit;

INLINE BF16RowSplit bf16_split(long rows) {
    return (BF16RowSplit){(rows + BF16_TILE_ROWS - 1) / BF16_TILE_ROWS, rows};
}

INLINE long bf16_rows(BF16RowSplit split, long t) {
    const long left = split.rows - t * BF16_TILE_ROWS;
    return left < BF16_TILE_ROWS ? left : BF16_TILE_ROWS;
}

#define BF16_BEGIN(rows, changed) \
    do { \
        if (changed) bf16_configure(rows); \
    } while (0)
#define BF16_END() TILE_FREE()
