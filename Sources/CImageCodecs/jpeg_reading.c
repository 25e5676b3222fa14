#include "CImageCodecs.h"
#include "parts.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

struct cimage_jpeg {
    struct jpeg_decompress_struct info;
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    jmp_buf failure;
    CImageStatus status;
    int most_scans;
    unsigned remarks;
    bool is_created;
    char message[JMSG_LENGTH_MAX];
    // A row as libjpeg gives it, where it is not what is wanted.
    uint8_t *row;
    size_t row_capacity;
};

static _Noreturn void fail(cimage_jpeg *decoder, CImageStatus status) {
    decoder->status = status;
    longjmp(decoder->failure, 1);
}

static _Noreturn void fail_saying(cimage_jpeg *decoder, CImageStatus status, const char *message) {
    snprintf(decoder->message, sizeof decoder->message, "%s", message);
    fail(decoder, status);
}

static CImageStatus meaning(int code) {
    switch (code) {
    case JERR_OUT_OF_MEMORY: return CIMAGE_NO_MEMORY;
    case JERR_INPUT_EMPTY:
    case JERR_INPUT_EOF:
    case JWRN_JPEG_EOF: return CIMAGE_TRUNCATED;
    case JERR_ARITH_NOTIMPL:
    case JERR_BAD_PRECISION:
    case JERR_CCIR601_NOTIMPL:
    case JERR_COMPONENT_COUNT:
    case JERR_CONVERSION_NOTIMPL:
    case JERR_FRACT_SAMPLE_NOTIMPL:
    case JERR_IMAGE_TOO_BIG:
    case JERR_NOT_COMPILED:
    case JERR_SOF_UNSUPPORTED: return CIMAGE_UNSUPPORTED;
    default: return CIMAGE_DAMAGED;
    }
}

static void error_exit(j_common_ptr info) {
    cimage_jpeg *decoder = info->client_data;
    info->err->format_message(info, decoder->message);
    fail(decoder, meaning(info->err->msg_code));
}

// libjpeg goes on after a warning and makes up what is missing, in grey; here a warning about pixels ends the reading.
static void emit_message(j_common_ptr info, int level) {
    cimage_jpeg *decoder = info->client_data;
    if (level >= 0) return;
    switch (info->err->msg_code) {
    case JWRN_EXTRANEOUS_DATA: decoder->remarks |= CIMAGE_REMARK_EXTRANEOUS; break;
    case JWRN_BOGUS_PROGRESSION:
    case JWRN_NOT_SEQUENTIAL: decoder->remarks |= CIMAGE_REMARK_PROGRESSION; break;
    case JWRN_ADOBE_XFORM:
    case JWRN_JFIF_MAJOR:
    case JWRN_TOO_MUCH_DATA: decoder->remarks |= CIMAGE_REMARK_OTHER; break;
    default: error_exit(info);
    }
}

static void output_message(j_common_ptr info) { (void)info; }

// Called for every few rows of every pass.
static void watch_scans(j_common_ptr info) {
    cimage_jpeg *decoder = info->client_data;
    if (decoder->info.input_scan_number > decoder->most_scans) {
        snprintf(
            decoder->message, sizeof decoder->message, "more than %d passes over the picture", decoder->most_scans);
        fail(decoder, CIMAGE_TOO_MANY_SCANS);
    }
}

cimage_jpeg *cimage_jpeg_create(void) {
    cimage_jpeg *decoder = calloc(1, sizeof *decoder);
    if (!decoder) return NULL;
    decoder->info.err = jpeg_std_error(&decoder->errors);
    decoder->errors.error_exit = error_exit;
    decoder->errors.emit_message = emit_message;
    decoder->errors.output_message = output_message;
    decoder->info.client_data = decoder;
    if (setjmp(decoder->failure)) {
        jpeg_destroy_decompress(&decoder->info);
        free(decoder);
        return NULL;
    }
    // Clears everything but the error manager and client_data.
    jpeg_create_decompress(&decoder->info);
    decoder->progress.progress_monitor = watch_scans;
    decoder->info.progress = &decoder->progress;
    return decoder;
}

void cimage_jpeg_destroy(cimage_jpeg *decoder) {
    jpeg_destroy_decompress(&decoder->info);
    free(decoder->row);
    free(decoder);
}

const char *cimage_jpeg_message(const cimage_jpeg *decoder) { return decoder->message; }

unsigned cimage_jpeg_remarks(const cimage_jpeg *decoder) { return decoder->remarks; }

CImageStatus cimage_jpeg_open(
    cimage_jpeg *decoder, const uint8_t *bytes, size_t count, int most_scans, CImageJPEGInfo *info) {
    struct jpeg_decompress_struct *jpeg = &decoder->info;
    jpeg_abort_decompress(jpeg);
    decoder->remarks = 0;
    decoder->most_scans = most_scans;
    jpeg->err->num_warnings = 0;
    if (setjmp(decoder->failure)) {
        jpeg_abort_decompress(jpeg);
        return decoder->status;
    }
    jpeg_mem_src(jpeg, bytes, count);
    jpeg_read_header(jpeg, TRUE);
    if (jpeg->num_components != 1 && jpeg->num_components != 3 && jpeg->num_components != 4) {
        snprintf(decoder->message, sizeof decoder->message, "%d colour components", jpeg->num_components);
        fail(decoder, CIMAGE_UNSUPPORTED);
    }
    info->width = jpeg->image_width;
    info->height = jpeg->image_height;
    info->components = jpeg->num_components;
    return CIMAGE_OK;
}

// Whether columns can be left out and the others stay what they are: where chroma is as fine as luma or halved, its
// interpolation looks one sample to each side. Of other fractions the library promises nothing.
static bool has_usual_sampling(const struct jpeg_decompress_struct *jpeg) {
    if (jpeg->num_components == 1) return true;
    for (int i = 0; i < jpeg->num_components; i++) {
        const jpeg_component_info *component = jpeg->comp_info + i;
        const int across = jpeg->max_h_samp_factor / component->h_samp_factor;
        const int down = jpeg->max_v_samp_factor / component->v_samp_factor;
        if (across * component->h_samp_factor != jpeg->max_h_samp_factor || across > 2) return false;
        if (down * component->v_samp_factor != jpeg->max_v_samp_factor || down > 2) return false;
    }
    return true;
}

// Whether scans are missing, so that libjpeg smoothes over blocks: it looks at neighbours, and takes those that were left out
// for something else.
static bool is_smoothed(const struct jpeg_decompress_struct *jpeg) {
    if (!jpeg->progressive_mode || !jpeg->coef_bits) return false;
    for (int i = 0; i < jpeg->num_components; i++) {
        for (int k = 0; k < DCTSIZE2; k++) {
            if (jpeg->coef_bits[i][k]) return true;
        }
    }
    return false;
}

static void choose_colors(struct jpeg_decompress_struct *jpeg, CImageLayout layout, bool fast) {
    if (jpeg->num_components == 4) {
        jpeg->out_color_space = JCS_CMYK;
    } else if (layout == CIMAGE_GREY && (jpeg->num_components == 1 || (fast && jpeg->jpeg_color_space == JCS_YCbCr))) {
        jpeg->out_color_space = JCS_GRAYSCALE;
    } else {
        jpeg->out_color_space = layout == CIMAGE_GREY ? JCS_EXT_RGBX : JCS_RGB;
    }
}

// A row of libjpeg's to the result; `row` is overwritten.
static void store(
    const struct jpeg_decompress_struct *jpeg, uint8_t *row, size_t count, CImageLayout layout, uint8_t *pixels) {
    if (jpeg->out_color_space == JCS_CMYK) {
        cimage_cmyk_to_rgb(row, layout == CIMAGE_RGB ? pixels : row, count);
        if (layout == CIMAGE_GREY) cimage_luma(row, pixels, count);
    } else if (jpeg->out_color_space == JCS_EXT_RGBX) {
        cimage_luma_of_four(row, pixels, count);
    } else {
        memcpy(pixels, row, count * (size_t)jpeg->output_components);
    }
}

CImageStatus cimage_jpeg_read(
    cimage_jpeg *decoder, CImageArea area, int denominator, CImageLayout layout, bool fast, uint8_t *pixels) {
    struct jpeg_decompress_struct *jpeg = &decoder->info;
    if (setjmp(decoder->failure)) {
        jpeg_abort_decompress(jpeg);
        return decoder->status;
    }
    if (layout == CIMAGE_INDICES) fail_saying(decoder, CIMAGE_UNSUPPORTED, "a JPEG has no palette");
    jpeg->scale_num = 1;
    jpeg->scale_denom = (unsigned)denominator;
    choose_colors(jpeg, layout, fast);
    jpeg_start_decompress(jpeg);
    const size_t right = area.left + area.width, bottom = area.top + area.height;
    if (right > jpeg->output_width || bottom > jpeg->output_height || !area.width || !area.height) {
        fail_saying(decoder, CIMAGE_DAMAGED, "the area lies outside the picture");
    }

    const bool is_smooth = is_smoothed(jpeg);
    if (is_smooth) decoder->remarks |= CIMAGE_REMARK_INCOMPLETE;

    // Columns [first, last) come from the library: whole blocks, and enough beside the area to interpolate chroma.
    JDIMENSION first = 0, last = jpeg->output_width;
    if (area.width < jpeg->output_width && !is_smooth && (fast || has_usual_sampling(jpeg))) {
        const JDIMENSION margin = fast ? 0 : 4;
        first = area.left > margin ? (JDIMENSION)area.left - margin : 0;
        JDIMENSION width = (JDIMENSION)right + margin - first;
        if (width > jpeg->output_width - first) width = jpeg->output_width - first;
        jpeg_crop_scanline(jpeg, &first, &width);
        last = first + width;
    }
    const size_t channels = layout == CIMAGE_RGB ? 3 : 1;
    const size_t skipped = (area.left - first) * (size_t)jpeg->output_components;
    const bool is_direct = jpeg->output_components == (int)channels && last - first == area.width;
    const size_t needed = (size_t)(last - first) * (size_t)jpeg->output_components;
    if ((!is_direct || is_smooth) && needed > decoder->row_capacity) {
        free(decoder->row);
        decoder->row = malloc(needed);
        decoder->row_capacity = decoder->row ? needed : 0;
        if (!decoder->row) fail_saying(decoder, CIMAGE_NO_MEMORY, "no memory for a row");
    }

    if (area.top > 0 && !is_smooth) jpeg_skip_scanlines(jpeg, (JDIMENSION)area.top);
    while (jpeg->output_scanline < area.top) {
        if (jpeg_read_scanlines(jpeg, &decoder->row, 1) != 1) fail_saying(decoder, CIMAGE_TRUNCATED, "a row is missing");
    }
    while (jpeg->output_scanline < bottom) {
        uint8_t *target = pixels + (jpeg->output_scanline - area.top) * area.width * channels;
        JSAMPROW row = is_direct ? target : decoder->row;
        if (jpeg_read_scanlines(jpeg, &row, 1) != 1) fail_saying(decoder, CIMAGE_TRUNCATED, "a row is missing");
        if (!is_direct) store(jpeg, decoder->row + skipped, area.width, layout, target);
    }
    if (bottom == jpeg->output_height) {
        // Looks for the end of the file too.
        jpeg_finish_decompress(jpeg);
    } else {
        jpeg_abort_decompress(jpeg);
    }
    return CIMAGE_OK;
}
