#include "CImageCodecs.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

// Compressed bytes beyond what rows can need: with more, something else than a picture is packed there, which libpng would
// unpack to its end.
enum { most_left_over = 1 << 16 };

struct cimage_png {
    png_structp png;
    png_infop info;
    const uint8_t *bytes;
    size_t count, offset;
    // Where reading has to be done.
    size_t limit;
    bool ended;
    CImageStatus status;
    char message[160];
    // A row, or a whole interlaced picture, as libpng gives it where that is not what is wanted.
    uint8_t *scratch;
    size_t capacity;
};

static void keep(cimage_png *decoder, CImageStatus status, const char *message) {
    decoder->status = status;
    snprintf(decoder->message, sizeof decoder->message, "%s", message);
}

static _Noreturn void fail(cimage_png *decoder, CImageStatus status, const char *message) {
    keep(decoder, status, message);
    png_longjmp(decoder->png, 1);
}

static void take_error(png_structp png, png_const_charp message) {
    cimage_png *decoder = png_get_error_ptr(png);
    const bool no_memory = strstr(message, "memory") != NULL;
    keep(decoder, decoder->ended ? CIMAGE_TRUNCATED : no_memory ? CIMAGE_NO_MEMORY : CIMAGE_DAMAGED, message);
    png_longjmp(png, 1);
}

static void take_warning(png_structp png, png_const_charp message) { (void)png, (void)message; }

static void give_bytes(png_structp png, png_bytep target, size_t wanted) {
    cimage_png *decoder = png_get_io_ptr(png);
    if (wanted > decoder->count - decoder->offset) {
        decoder->ended = true;
        png_error(png, "the file ends within a chunk");
    }
    if (decoder->offset + wanted > decoder->limit) png_error(png, "more data than the picture needs");
    memcpy(target, decoder->bytes + decoder->offset, wanted);
    decoder->offset += wanted;
}

static void close_file(cimage_png *decoder) {
    if (decoder->png) png_destroy_read_struct(&decoder->png, &decoder->info, NULL);
    decoder->png = NULL;
    decoder->info = NULL;
}

cimage_png *cimage_png_create(void) { return calloc(1, sizeof(cimage_png)); }

void cimage_png_destroy(cimage_png *decoder) {
    close_file(decoder);
    free(decoder->scratch);
    free(decoder);
}

const char *cimage_png_message(const cimage_png *decoder) { return decoder->message; }

CImageStatus cimage_png_open(cimage_png *decoder, const uint8_t *bytes, size_t count, CImagePNGInfo *info) {
    close_file(decoder);
    decoder->bytes = bytes;
    decoder->count = count;
    decoder->offset = 0;
    decoder->limit = SIZE_MAX;
    decoder->ended = false;
    decoder->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, decoder, take_error, take_warning);
    if (!decoder->png) return CIMAGE_NO_MEMORY;
    if (setjmp(png_jmpbuf(decoder->png))) {
        close_file(decoder);
        return decoder->status;
    }
    decoder->info = png_create_info_struct(decoder->png);
    if (!decoder->info) fail(decoder, CIMAGE_NO_MEMORY, "no memory for the header");
    png_set_read_fn(decoder->png, decoder, give_bytes);
    // Sizes are checked by the caller. Profiles, texts and transparency are nothing to us, so they are not even unpacked.
    png_set_user_limits(decoder->png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_set_keep_unknown_chunks(decoder->png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
    png_set_keep_unknown_chunks(decoder->png, PNG_HANDLE_CHUNK_NEVER, (png_const_bytep) "tRNS", 1);
    // Some writers state a smaller window than they use.
    png_set_option(decoder->png, PNG_MAXIMUM_INFLATE_WINDOW, PNG_OPTION_ON);
    png_read_info(decoder->png, decoder->info);
    const int color = png_get_color_type(decoder->png, decoder->info);
    info->width = png_get_image_width(decoder->png, decoder->info);
    info->height = png_get_image_height(decoder->png, decoder->info);
    info->depth = png_get_bit_depth(decoder->png, decoder->info);
    info->is_palette = color == PNG_COLOR_TYPE_PALETTE;
    info->is_grey = !(color & PNG_COLOR_MASK_COLOR);
    return CIMAGE_OK;
}

// Asks libpng for one byte for each channel; returns the channels that it will give.
static size_t choose_form(cimage_png *decoder, CImageLayout layout) {
    png_structp png = decoder->png;
    const int color = png_get_color_type(png, decoder->info), depth = png_get_bit_depth(png, decoder->info);
    const bool is_palette = color == PNG_COLOR_TYPE_PALETTE, is_grey = !(color & PNG_COLOR_MASK_COLOR);
    if (color & PNG_COLOR_MASK_ALPHA) png_set_strip_alpha(png);
    if (layout == CIMAGE_INDICES) {
        if (depth == 16 || !(is_palette || is_grey)) {
            fail(decoder, CIMAGE_UNSUPPORTED, "neither a palette nor grey of at most 8 bits");
        }
        png_set_packing(png);
        return 1;
    }
    // (v · 255 + 32895) >> 16, which is v / 257 rounded.
    if (depth == 16) png_set_scale_16(png);
    if (is_palette) png_set_palette_to_rgb(png);
    if (is_grey && depth < 8) png_set_expand_gray_1_2_4_to_8(png);
    if (is_grey && layout == CIMAGE_RGB) png_set_gray_to_rgb(png);
    return is_grey && layout == CIMAGE_GREY ? 1 : 3;
}

static void grow(cimage_png *decoder, size_t needed) {
    if (needed <= decoder->capacity) return;
    free(decoder->scratch);
    decoder->scratch = malloc(needed);
    decoder->capacity = decoder->scratch ? needed : 0;
    if (!decoder->scratch) fail(decoder, CIMAGE_NO_MEMORY, "no memory for the picture");
}

// `row`: of the whole width, of `given` channels.
static void store(const uint8_t *row, size_t given, CImageArea area, CImageLayout layout, uint8_t *pixels) {
    row += area.left * given;
    if (given == 3 && layout == CIMAGE_GREY) {
        cimage_luma(row, pixels, area.width);
    } else {
        memcpy(pixels, row, area.width * given);
    }
}

// Bytes in chunks of compressed data.
static size_t packed_bytes(const cimage_png *decoder) {
    size_t place = 8, sum = 0;
    while (decoder->count - place >= 12) {
        const uint8_t *chunk = decoder->bytes + place;
        const size_t length = png_get_uint_32(chunk);
        if (length > decoder->count - place - 12) break;
        place += 12 + length;
        if (!memcmp(chunk + 4, "IDAT", 4)) sum += length;
    }
    return sum;
}

// More than any writer needs for `bytes` of rows.
static size_t most_packed(size_t bytes) { return bytes + bytes / 8 + most_left_over; }

CImageStatus cimage_png_read(cimage_png *decoder, CImageArea area, CImageLayout layout, uint8_t *pixels) {
    if (!decoder->png) return CIMAGE_DAMAGED;
    if (setjmp(png_jmpbuf(decoder->png))) {
        close_file(decoder);
        return decoder->status;
    }
    const size_t width = png_get_image_width(decoder->png, decoder->info);
    const size_t height = png_get_image_height(decoder->png, decoder->info);
    const size_t stored = png_get_rowbytes(decoder->png, decoder->info) + 1;
    // Interlaced, there are up to twice as many rows.
    if (packed_bytes(decoder) > most_packed(stored * height + 2 * height)) {
        fail(decoder, CIMAGE_DAMAGED, "more data than the picture needs");
    }
    const size_t given = choose_form(decoder, layout), channels = layout == CIMAGE_RGB ? 3 : 1;
    const int passes = png_set_interlace_handling(decoder->png);
    png_read_update_info(decoder->png, decoder->info);
    const size_t stride = width * given, bottom = area.top + area.height;
    if (png_get_rowbytes(decoder->png, decoder->info) != stride || bottom > height || area.left + area.width > width) {
        fail(decoder, CIMAGE_DAMAGED, "the area lies outside the picture");
    }
    const bool is_direct = given == channels && area.width == width;
    if (passes == 1) {
        if (!is_direct) grow(decoder, stride);
        for (size_t y = 0; y < bottom; y++) {
            // With the last row libpng reads on to the end of the data.
            if (y + 1 == height) decoder->limit = decoder->offset + most_packed(stored);
            if (y < area.top) {
                png_read_row(decoder->png, NULL, NULL);
                continue;
            }
            uint8_t *target = pixels + (y - area.top) * area.width * channels;
            png_read_row(decoder->png, is_direct ? target : decoder->scratch, NULL);
            if (!is_direct) store(decoder->scratch, given, area, layout, target);
        }
    } else {
        const bool is_whole = is_direct && area.height == height;
        if (!is_whole) grow(decoder, stride * height);
        uint8_t *picture = is_whole ? pixels : decoder->scratch;
        // A pass fills in its own pixels only; the first pass touches every row of a picture that is read to its end.
        memset(picture, 0, stride * height);
        for (int pass = 0; pass < passes; pass++) {
            for (size_t y = 0; y < height; y++) png_read_row(decoder->png, picture + y * stride, NULL);
        }
        for (size_t y = area.top; y < bottom && !is_whole; y++) {
            store(picture + y * stride, given, area, layout, pixels + (y - area.top) * area.width * channels);
        }
    }
    decoder->limit = SIZE_MAX;
    if (bottom == height || passes > 1) png_read_end(decoder->png, NULL);
    close_file(decoder);
    return CIMAGE_OK;
}
