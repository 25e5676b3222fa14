#ifndef CIMAGECODECS_H
#define CIMAGECODECS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// libjpeg and libpng with errors as values: both leave by longjmp, which must not cross Swift. A decoder belongs to one
// thread at a time and is used again for the next file.

typedef enum {
    CIMAGE_OK = 0,
    // The file ends before its picture does.
    CIMAGE_TRUNCATED,
    CIMAGE_DAMAGED,
    // The file may be right, but the library cannot read its kind.
    CIMAGE_UNSUPPORTED,
    // More passes over the picture than are allowed.
    CIMAGE_TOO_MANY_SCANS,
    CIMAGE_NO_MEMORY,
} CImageStatus;

// What a pixel of the result is.
typedef enum {
    // Luma of the RGB values, as Pillow's convert("L").
    CIMAGE_GREY,
    CIMAGE_RGB,
    // Entry of the palette, or grey value as it is stored, in one byte; PNG only.
    CIMAGE_INDICES,
} CImageLayout;

// Rows and columns that are wanted, of the picture at its fraction.
typedef struct {
    size_t left, top, width, height;
} CImageArea;

// MARK: JPEG

typedef struct cimage_jpeg cimage_jpeg;

typedef struct {
    size_t width, height;
    int components;
} CImageJPEGInfo;

typedef enum {
    // Bytes that belong to nothing, before a marker.
    CIMAGE_REMARK_EXTRANEOUS = 1,
    // An order of progressive scans that the standard does not foresee.
    CIMAGE_REMARK_PROGRESSION = 2,
    // Any other remark of libjpeg that does not touch pixels.
    CIMAGE_REMARK_OTHER = 4,
    // A progressive picture without its last scans: coarse, and smoothed.
    CIMAGE_REMARK_INCOMPLETE = 8,
} CImageRemark;

// None without memory.
cimage_jpeg *_Nullable cimage_jpeg_create(void);
void cimage_jpeg_destroy(cimage_jpeg *_Nonnull decoder);

// Words about the last status but CIMAGE_OK.
const char *_Nonnull cimage_jpeg_message(const cimage_jpeg *_Nonnull decoder);
// Sum of CImageRemark since the last opening.
unsigned cimage_jpeg_remarks(const cimage_jpeg *_Nonnull decoder);

// Reads the header. The bytes must stay until the picture was read or another file is opened.
// most_scans: passes over the picture that are allowed.
CImageStatus cimage_jpeg_open(
    cimage_jpeg *_Nonnull decoder, const uint8_t *_Nonnull bytes, size_t count, int most_scans,
    CImageJPEGInfo *_Nonnull info);

// Reads the pixels of `area`, a row after the other without gaps, of the opened file; once.
// denominator: 1, 2, 4 or 8; the picture has (width + denominator − 1) / denominator columns.
// fast: grey is the Y that is stored, and columns beside the area are left out without regard for its outermost pixels.
CImageStatus cimage_jpeg_read(
    cimage_jpeg *_Nonnull decoder, CImageArea area, int denominator, CImageLayout layout, bool fast,
    uint8_t *_Nonnull pixels);

// Packs a picture; *bytes is the caller's, to be given to free, also where the status is not CIMAGE_OK.
// channels: 1 or 3; half_chroma: 4:2:0, otherwise 4:4:4.
CImageStatus cimage_jpeg_write(
    const uint8_t *_Nonnull pixels, size_t width, size_t height, int channels, int quality, bool half_chroma,
    uint8_t *_Nullable *_Nonnull bytes, size_t *_Nonnull count);

// MARK: PNG

typedef struct cimage_png cimage_png;

typedef struct {
    size_t width, height;
    bool is_palette, is_grey;
    int depth;
} CImagePNGInfo;

cimage_png *_Nullable cimage_png_create(void);
void cimage_png_destroy(cimage_png *_Nonnull decoder);
const char *_Nonnull cimage_png_message(const cimage_png *_Nonnull decoder);

CImageStatus cimage_png_open(
    cimage_png *_Nonnull decoder, const uint8_t *_Nonnull bytes, size_t count, CImagePNGInfo *_Nonnull info);

// As cimage_jpeg_read. Where the last row is read, what follows it in the file is checked too.
CImageStatus cimage_png_read(
    cimage_png *_Nonnull decoder, CImageArea area, CImageLayout layout, uint8_t *_Nonnull pixels);

// MARK: Resampling

// The pixels that each output along an axis is made of, as Pillow has it.
typedef struct {
    // Outputs.
    size_t count;
    // First pixel and number of pixels of each output, [count].
    const int32_t *_Nonnull first, *_Nonnull taps;
    // [count, stride], 22 bits behind the point.
    const int32_t *_Nonnull weights;
    size_t stride;
} CImageAxis;

// Along rows: target [rows, axis.count, channels] from rows that lie row_bytes apart. channels: 1 or 3.
// overreads: a byte behind the last row may be read.
void cimage_resample_rows(
    const uint8_t *_Nonnull source, size_t row_bytes, size_t rows, int channels, CImageAxis axis, bool overreads,
    uint8_t *_Nonnull target);

// Along columns: target [axis.count, width] from rows of `width` bytes that lie row_bytes apart.
void cimage_resample_columns(
    const uint8_t *_Nonnull source, size_t row_bytes, size_t width, CImageAxis axis, uint8_t *_Nonnull target);

// MARK: Versions

const char *_Nonnull cimage_jpeg_version(void);
const char *_Nonnull cimage_png_version(void);

// MARK: Colours

// grey[i] = luma of rgb[3 i …], as Pillow's convert("L"); both may begin at the same place.
void cimage_luma(const uint8_t *_Nonnull rgb, uint8_t *_Nonnull grey, size_t count);

#endif
