// Rows in blocks of nearly equal height, for kinds whose tile can have any.

typedef struct {
    long count, height, taller;
} BF16RowSplit;

INLINE BF16RowSplit bf16_split(long rows) {
    const long count = (rows + BF16_TILE_ROWS - 1) / BF16_TILE_ROWS;
    return (BF16RowSplit){count, rows / count, rows % count};
}

INLINE long bf16_rows(BF16RowSplit split, long t) { return split.height + (t < split.taller); }

#define BF16_BEGIN(rows, changed) ((void)0)
#define BF16_END() ((void)0)
