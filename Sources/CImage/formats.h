// The two decoders behind cimage_probe and cimage_decode.
#pragma once

#include "cimage.h"

cimage_result cimage_png_probe(const uint8_t *bytes, size_t length, cimage_info *info,
                        cimage_failure *failure);
cimage_result cimage_png_decode(const uint8_t *bytes, size_t length, cimage_region region,
                         const uint8_t *background, uint8_t *rgb, cimage_failure *failure);

cimage_result cimage_jpeg_probe(const uint8_t *bytes, size_t length, cimage_info *info,
                         cimage_failure *failure);
cimage_result cimage_jpeg_decode(const uint8_t *bytes, size_t length, int32_t eighths,
                          cimage_region region, uint8_t *rgb, cimage_failure *failure);

// The orientation (1 to 8) in EXIF's TIFF structure, or 0 where it holds none.
int32_t cimage_tiff_orientation(const uint8_t *bytes, size_t length);

// Writes `text` to `failure` and returns `result`.
cimage_result cimage_fail(cimage_failure *failure, cimage_result result, const char *text);
