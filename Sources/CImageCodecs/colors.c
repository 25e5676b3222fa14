#include "parts.h"
#include "CImageCodecs.h"

#include <string.h>

void cimage_luma(const uint8_t *rgb, uint8_t *grey, size_t count) {
    for (size_t i = 0; i < count; i++, rgb += 3) {
        grey[i] = (uint8_t)((rgb[0] * 19595u + rgb[1] * 38470u + rgb[2] * 7471u + 0x8000u) >> 16);
    }
}

void cimage_cmyk_to_rgb(const uint8_t *cmyk, uint8_t *rgb, size_t count) {
    for (size_t i = 0; i < count; i++, cmyk += 4, rgb += 3) {
        // What is stored is 255 − K, so the light that black leaves.
        const unsigned light = cmyk[3];
        for (int channel = 0; channel < 3; channel++) {
            // ink · light / 255, rounded.
            const unsigned product = (255u - cmyk[channel]) * light + 128u;
            rgb[channel] = (uint8_t)(light - ((product + (product >> 8)) >> 8));
        }
    }
}

FOR_EVERY_PROCESSOR
void cimage_luma_of_four(const uint8_t *rgbx, uint8_t *grey, size_t count) {
    for (size_t i = 0; i < count; i++) {
        // Little-endian, as everything that this is compiled for.
        uint32_t pixel;
        memcpy(&pixel, rgbx + 4 * i, sizeof pixel);
        const uint32_t red = pixel & 255, green = pixel >> 8 & 255, blue = pixel >> 16 & 255;
        grey[i] = (uint8_t)((red * 19595u + green * 38470u + blue * 7471u + 0x8000u) >> 16);
    }
}
