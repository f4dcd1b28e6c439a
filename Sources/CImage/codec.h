// What cimage.c asks of each kind of picture. A new kind is a file that defines a codec, and its row in
// the table of cimage.c.
#pragma once

#include "cimage.h"

typedef struct cimage_codec {
  cimage_format format;
  // Whether it decodes to any eighth of its size, holding no more than that: all pixels count else.
  int reducible;
  // Whether the first bytes of a file announce the kind. There may be fewer than it wants to see.
  int (*announced)(const uint8_t *bytes, size_t length);
  // As cimage_probe and cimage_decode, of bytes that announce the kind. `info` has its defaults.
  cimage_result (*probe)(const uint8_t *bytes, size_t length, cimage_info *info,
                         cimage_failure *failure);
  cimage_result (*decode)(const uint8_t *bytes, size_t length, int32_t eighths,
                          cimage_region region, const uint8_t *background, uint8_t *rgb,
                          cimage_failure *failure);
} cimage_codec;

// The orientation (1 to 8) in EXIF's TIFF structure, or 0 where it holds none.
int32_t cimage_tiff_orientation(const uint8_t *bytes, size_t length);

// Writes `text` to `failure` and returns `result`.
cimage_result cimage_fail(cimage_failure *failure, cimage_result result, const char *text);
