#include "CImageCodecs.h"
#include "parts.h"

#include <string.h>

// Sums are integers, so every version of a function gives the same bytes.
#define INLINE static inline __attribute__((always_inline))

enum { precision = 22, half = 1 << (precision - 1) };

typedef int32_t int4 __attribute__((vector_size(16)));
typedef uint8_t byte4 __attribute__((vector_size(4)));
typedef int32_t int8 __attribute__((vector_size(32)));
typedef uint8_t byte8 __attribute__((vector_size(8)));

INLINE uint8_t to_byte(int32_t sum) {
    const int32_t value = sum >> precision;
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

INLINE int4 load4(const uint8_t *pixel) {
    byte4 bytes;
    memcpy(&bytes, pixel, sizeof bytes);
    return __builtin_convertvector(bytes, int4);
}

INLINE void store3(int4 sum, uint8_t *pixel) {
    const int4 value = __builtin_elementwise_min(__builtin_elementwise_max(sum >> precision, (int4){0}), (int4){0} + 255);
    const byte4 bytes = __builtin_convertvector(value, byte4);
    memcpy(pixel, &bytes, 3);
}

// Colours of one row, a channel after the other: reads nothing but pixels.
INLINE void color_row_within(const uint8_t *source, const CImageAxis *axis, uint8_t *target) {
    for (size_t x = 0; x < axis->count; x++, target += 3) {
        const uint8_t *pixel = source + 3 * (size_t)axis->first[x];
        const int32_t *weights = axis->weights + x * axis->stride;
        int32_t red = half, green = half, blue = half;
        for (int32_t tap = 0; tap < axis->taps[x]; tap++, pixel += 3) {
            red += weights[tap] * pixel[0];
            green += weights[tap] * pixel[1];
            blue += weights[tap] * pixel[2];
        }
        target[0] = to_byte(red);
        target[1] = to_byte(green);
        target[2] = to_byte(blue);
    }
}

// Colours of one row, each pixel in a vector of four with the byte behind it.
INLINE void color_row(const uint8_t *source, const CImageAxis *axis, uint8_t *target) {
    for (size_t x = 0; x < axis->count; x++, target += 3) {
        const uint8_t *pixel = source + 3 * (size_t)axis->first[x];
        const int32_t *weights = axis->weights + x * axis->stride;
        int4 sum = (int4){0} + half;
        for (int32_t tap = 0; tap < axis->taps[x]; tap++, pixel += 3) sum += weights[tap] * load4(pixel);
        store3(sum, target);
    }
}

// Four rows at once, which share their weights.
INLINE void color_rows(const uint8_t *source, size_t row_bytes, const CImageAxis *axis, uint8_t *target) {
    const size_t width = 3 * axis->count;
    for (size_t x = 0; x < axis->count; x++, target += 3) {
        const uint8_t *pixel = source + 3 * (size_t)axis->first[x];
        const int32_t *weights = axis->weights + x * axis->stride;
        int4 a = (int4){0} + half, b = a, c = a, d = a;
        for (int32_t tap = 0; tap < axis->taps[x]; tap++, pixel += 3) {
            const int4 weight = (int4){0} + weights[tap];
            a += weight * load4(pixel);
            b += weight * load4(pixel + row_bytes);
            c += weight * load4(pixel + 2 * row_bytes);
            d += weight * load4(pixel + 3 * row_bytes);
        }
        store3(a, target);
        store3(b, target + width);
        store3(c, target + 2 * width);
        store3(d, target + 3 * width);
    }
}

INLINE void grey_row(const uint8_t *source, const CImageAxis *axis, uint8_t *target) {
    for (size_t x = 0; x < axis->count; x++) {
        const uint8_t *pixel = source + axis->first[x];
        const int32_t *weights = axis->weights + x * axis->stride;
        int32_t sum = half;
        for (int32_t tap = 0; tap < axis->taps[x]; tap++) sum += weights[tap] * pixel[tap];
        target[x] = to_byte(sum);
    }
}

FOR_EVERY_PROCESSOR
void cimage_resample_rows(
    const uint8_t *source, size_t row_bytes, size_t rows, int channels, CImageAxis axis, bool overreads,
    uint8_t *target) {
    const size_t width = axis.count * (size_t)channels;
    if (channels == 1) {
        for (size_t y = 0; y < rows; y++) grey_row(source + y * row_bytes, &axis, target + y * width);
        return;
    }
    // The byte behind the last pixel of a row is the next row's.
    const size_t safe = overreads || !rows ? rows : rows - 1;
    size_t y = 0;
    for (; y + 4 <= safe; y += 4) color_rows(source + y * row_bytes, row_bytes, &axis, target + y * width);
    for (; y < safe; y++) color_row(source + y * row_bytes, &axis, target + y * width);
    for (; y < rows; y++) color_row_within(source + y * row_bytes, &axis, target + y * width);
}

FOR_EVERY_PROCESSOR
void cimage_resample_columns(
    const uint8_t *source, size_t row_bytes, size_t width, CImageAxis axis, uint8_t *target) {
    for (size_t y = 0; y < axis.count; y++, target += width) {
        const uint8_t *first = source + (size_t)axis.first[y] * row_bytes;
        const int32_t *weights = axis.weights + y * axis.stride;
        const int32_t taps = axis.taps[y];
        size_t x = 0;
        for (; x + 16 <= width; x += 16) {
            int8 a = (int8){0} + half, b = a;
            const uint8_t *pixel = first + x;
            for (int32_t tap = 0; tap < taps; tap++, pixel += row_bytes) {
                byte8 left, right;
                memcpy(&left, pixel, sizeof left);
                memcpy(&right, pixel + 8, sizeof right);
                const int8 weight = (int8){0} + weights[tap];
                a += weight * __builtin_convertvector(left, int8);
                b += weight * __builtin_convertvector(right, int8);
            }
            const int8 zero = {0}, most = zero + 255;
            a = __builtin_elementwise_min(__builtin_elementwise_max(a >> precision, zero), most);
            b = __builtin_elementwise_min(__builtin_elementwise_max(b >> precision, zero), most);
            const byte8 left = __builtin_convertvector(a, byte8), right = __builtin_convertvector(b, byte8);
            memcpy(target + x, &left, sizeof left);
            memcpy(target + x + 8, &right, sizeof right);
        }
        for (; x < width; x++) {
            int32_t sum = half;
            for (int32_t tap = 0; tap < taps; tap++) sum += weights[tap] * first[(size_t)tap * row_bytes + x];
            target[x] = to_byte(sum);
        }
    }
}
