// Blocks of numbers, mirrored at their diagonal in registers.

/// to[k, i] = from[i, k] for a block of `count` × `depth` ≤ 16 × 16 numbers; further i up to 16 become 0.
INLINE void transpose_block(
    const float *from, long from_stride, const int count, const int depth, float *to, long to_stride) {
    Vector a[WIDTH], b[WIDTH];
    EACH(i, WIDTH) a[i] = i < count ? load_first(from + i * from_stride, depth) : splat(0);
    // Four rounds, each exchanging blocks of half the size: 8 × 8, 4 × 4, 2 × 2, 1 × 1.
    EACH(i, 8) {
        b[i] = __builtin_shufflevector(
            a[i], a[i + 8], 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23);
        b[i + 8] = __builtin_shufflevector(
            a[i], a[i + 8], 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
    }
    EACH(k, 8) {
        const int i = k / 4 * 8 + k % 4;
        a[i] = __builtin_shufflevector(
            b[i], b[i + 4], 0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27);
        a[i + 4] = __builtin_shufflevector(
            b[i], b[i + 4], 4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31);
    }
    EACH(k, 8) {
        const int i = k / 2 * 4 + k % 2;
        b[i] = __builtin_shufflevector(
            a[i], a[i + 2], 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29);
        b[i + 2] = __builtin_shufflevector(
            a[i], a[i + 2], 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31);
    }
    EACH(k, 8) {
        const int i = k * 2;
        a[i] = __builtin_shufflevector(
            b[i], b[i + 1], 0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30);
        a[i + 1] = __builtin_shufflevector(
            b[i], b[i + 1], 1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31);
    }
    EACH(i, WIDTH) {
        if (i < depth) store(to + i * to_stride, a[i]);
    }
}
