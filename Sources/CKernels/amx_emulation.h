// LDTILECFG, TILERELEASE, TILEZERO, TILELOADD, TDPBF16PS and TILESTORED in plain C, one set of tiles for a thread.
//
// As the instructions do, a load fills rows × bytes and clears the rest of the tile, and whatever would raise an exception
// (a tile without a configuration, sizes that do not fit each other, a bad palette) ends the program. The order of the sums
// is the hardware's: the even, then the odd elements of each pair, pair by pair. Denormal numbers are not flushed.

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    int rows, bytes;
    uint8_t data[16][64];
} EmulatedTile;

static _Thread_local EmulatedTile emulated_tiles[8];

static void emulated_check(int holds) {
    if (!holds) abort();
}

static void emulated_configure(const void *operand) {
    const uint8_t *configuration = operand;
    emulated_check(configuration[0] == 1 && configuration[1] == 0);
    for (int t = 0; t < 16; ++t) {
        uint16_t bytes;
        memcpy(&bytes, configuration + 16 + 2 * t, sizeof bytes);
        const int rows = configuration[48 + t];
        emulated_check(t < 8 ? bytes <= 64 && bytes % 4 == 0 && rows <= 16 : bytes == 0 && rows == 0);
        emulated_check((bytes == 0) == (rows == 0));
        if (t < 8) {
            memset(&emulated_tiles[t], 0, sizeof emulated_tiles[t]);
            emulated_tiles[t].rows = rows;
            emulated_tiles[t].bytes = bytes;
        }
    }
}

static void emulated_free(void) { memset(emulated_tiles, 0, sizeof emulated_tiles); }

static EmulatedTile *emulated_tile(int t) {
    emulated_check(t >= 0 && t < 8 && emulated_tiles[t].rows > 0);
    return &emulated_tiles[t];
}

static void emulated_zero(int t) {
    EmulatedTile *tile = emulated_tile(t);
    memset(tile->data, 0, sizeof tile->data);
}

static void emulated_load(int t, const void *from, long stride) {
    EmulatedTile *tile = emulated_tile(t);
    memset(tile->data, 0, sizeof tile->data);
    for (int r = 0; r < tile->rows; ++r) memcpy(tile->data[r], (const uint8_t *)from + r * stride, (size_t)tile->bytes);
}

static void emulated_store(int t, void *to, long stride) {
    const EmulatedTile *tile = emulated_tile(t);
    for (int r = 0; r < tile->rows; ++r) memcpy((uint8_t *)to + r * stride, tile->data[r], (size_t)tile->bytes);
}

static float emulated_number(const EmulatedTile *tile, int row, int column) {
    uint32_t bits = 0;
    memcpy((uint8_t *)&bits + 2, &tile->data[row][2 * column], 2);
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static void emulated_dot(int sum, int left, int right) {
    EmulatedTile *c = emulated_tile(sum);
    const EmulatedTile *a = emulated_tile(left), *b = emulated_tile(right);
    emulated_check(sum != left && sum != right && left != right);
    emulated_check(a->rows == c->rows && b->bytes == c->bytes && a->bytes == 4 * b->rows);
    for (int m = 0; m < c->rows; ++m) {
        for (int n = 0; n < c->bytes / 4; ++n) {
            float total;
            memcpy(&total, &c->data[m][4 * n], sizeof total);
            for (int k = 0; k < b->rows; ++k) {
                total += emulated_number(a, m, 2 * k) * emulated_number(b, k, 2 * n);
                total += emulated_number(a, m, 2 * k + 1) * emulated_number(b, k, 2 * n + 1);
            }
            memcpy(&c->data[m][4 * n], &total, sizeof total);
        }
    }
}
