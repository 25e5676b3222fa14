#ifndef CIMAGECODECS_PARTS_H
#define CIMAGECODECS_PARTS_H

#include <stddef.h>
#include <stdint.h>

// Inverted CMYK, as Adobe writes it and as Pillow takes every JPEG of four components, to RGB.
void cimage_cmyk_to_rgb(const uint8_t *cmyk, uint8_t *rgb, size_t count);

// As cimage_luma, of pixels with a byte behind each that means nothing; several times as fast.
void cimage_luma_of_four(const uint8_t *rgbx, uint8_t *grey, size_t count);

// The compiler makes such a function twice, and the loader chooses by what the processor has.
#if defined(__x86_64__) && defined(__linux__)
#define FOR_EVERY_PROCESSOR __attribute__((target_clones("avx2", "default")))
#else
#define FOR_EVERY_PROCESSOR
#endif

#endif
