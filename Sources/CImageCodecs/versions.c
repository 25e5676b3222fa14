#include "CImageCodecs.h"

#include <stdio.h>

#include <jpeglib.h>
#include <png.h>

#define TEXT(x) #x
#define TEXT_OF(x) TEXT(x)

// libjpeg does not tell its version when asked; that of its headers is that of the library, which has it in its name.
const char *cimage_jpeg_version(void) {
#ifdef LIBJPEG_TURBO_VERSION
    return "libjpeg-turbo " TEXT_OF(LIBJPEG_TURBO_VERSION);
#else
    return "libjpeg " TEXT_OF(JPEG_LIB_VERSION);
#endif
}

const char *cimage_png_version(void) { return png_get_libpng_ver(NULL); }
