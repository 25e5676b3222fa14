#include "CImageCodecs.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h>
#include <jerror.h>

struct writer {
    struct jpeg_compress_struct info;
    struct jpeg_error_mgr errors;
    jmp_buf failure;
    unsigned long size;
};

static void leave(j_common_ptr info) {
    struct writer *writer = info->client_data;
    longjmp(writer->failure, 1);
}

static void say_nothing(j_common_ptr info) { (void)info; }

CImageStatus cimage_jpeg_write(
    const uint8_t *pixels, size_t width, size_t height, int channels, int quality, bool half_chroma, uint8_t **bytes,
    size_t *count) {
    *bytes = NULL;
    *count = 0;
    // Not a variable of this function, whose values after a longjmp would be open.
    struct writer *writer = calloc(1, sizeof *writer);
    if (!writer) return CIMAGE_NO_MEMORY;
    struct jpeg_compress_struct *jpeg = &writer->info;
    jpeg->err = jpeg_std_error(&writer->errors);
    writer->errors.error_exit = leave;
    writer->errors.output_message = say_nothing;
    jpeg->client_data = writer;
    if (setjmp(writer->failure)) {
        const bool no_memory = writer->errors.msg_code == JERR_OUT_OF_MEMORY;
        // The library may have let go of the buffer that it stands for.
        *bytes = NULL;
        *count = 0;
        jpeg_destroy_compress(jpeg);
        free(writer);
        return no_memory ? CIMAGE_NO_MEMORY : CIMAGE_UNSUPPORTED;
    }
    jpeg_create_compress(jpeg);
    jpeg_mem_dest(jpeg, bytes, &writer->size);
    jpeg->image_width = (JDIMENSION)width;
    jpeg->image_height = (JDIMENSION)height;
    jpeg->input_components = channels;
    jpeg->in_color_space = channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_set_defaults(jpeg);
    jpeg_set_quality(jpeg, quality, TRUE);
    if (channels == 3) {
        jpeg->comp_info[0].h_samp_factor = half_chroma ? 2 : 1;
        jpeg->comp_info[0].v_samp_factor = half_chroma ? 2 : 1;
    }
    jpeg_start_compress(jpeg, TRUE);
    while (jpeg->next_scanline < jpeg->image_height) {
        JSAMPROW row = (JSAMPROW)(pixels + jpeg->next_scanline * width * (size_t)channels);
        jpeg_write_scanlines(jpeg, &row, 1);
    }
    jpeg_finish_compress(jpeg);
    *count = writer->size;
    jpeg_destroy_compress(jpeg);
    free(writer);
    return CIMAGE_OK;
}
