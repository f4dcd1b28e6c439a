// Bytes of pictures <-> rows of 8-bit RGB. All input is taken to be hostile: no function reads
// outside the bytes it is given, and nothing is allocated from a size that the caller has not seen
// first in `cimage_info`.
//
// Every function returns a `cimage_result`; on anything but CIMAGE_OK `failure->text` says why. No
// function keeps state between calls, so any thread may call any of them.
#pragma once

#include <stddef.h>
#include <stdint.h>

#if defined(__clang__)
#pragma clang assume_nonnull begin
#endif

// A kind of picture that is read.
typedef struct cimage_format {
  const char *name;     // as messages call it, such as "PNG"
  const char *endings;  // of its files' names, lower case, one space between them
} cimage_format;

typedef enum cimage_result {
  CIMAGE_OK = 0,
  CIMAGE_NOT_A_PICTURE = 1,  // the first bytes announce no kind that is read
  CIMAGE_TRUNCATED = 2,      // the bytes end before the picture does
  CIMAGE_CORRUPT = 3,        // the bytes contradict the format
  CIMAGE_UNSUPPORTED = 4,    // a legal file of a kind that is not read (12-bit JPEG, ...)
  CIMAGE_NO_MEMORY = 5,
} cimage_result;

typedef struct cimage_failure {
  char text[200];
} cimage_failure;

// What a header claims, before anything is decoded.
typedef struct cimage_info {
  int32_t width;        // as stored, in pixels, before `orientation` is applied
  int32_t height;
  int32_t orientation;  // EXIF, 1 to 8; 1 where there is none or it is invalid
  int32_t channels;     // as stored: 1 grey or palette, 2 grey and alpha, 3, 4
  int32_t bit_depth;    // as stored, bits a sample
  int32_t reducible;    // 1: it decodes to any eighth of its size, holding no more than that
  int32_t multipass;    // 1: the whole picture is held while it is decoded, whatever is asked for
                        // of it: an interlaced PNG, a JPEG of several scans
} cimage_info;

// A rectangle of the stored picture (before its orientation), after scaling by `eighths`/8.
typedef struct cimage_region {
  int32_t x;
  int32_t y;
  int32_t width;
  int32_t height;
} cimage_region;

// The kind with the number `index`, from 0; NULL from the first that is not there.
const cimage_format *_Nullable cimage_format_at(size_t index);

// The kind that the first bytes announce, or NULL. Sixteen bytes are enough.
const cimage_format *_Nullable cimage_sniff(const uint8_t *bytes, size_t length);

// Reads the header only.
cimage_result cimage_probe(const uint8_t *bytes, size_t length, cimage_info *info,
                           cimage_failure *failure);

// A side of `pixels` after scaling by `eighths`/8, rounded up as libjpeg does.
int32_t cimage_scaled_side(int32_t pixels, int32_t eighths);

// Decodes `region` of the picture scaled by `eighths`/8 (1 to 8; 8 only where it is not reducible) into
// `rgb`, `region.width * region.height * 3` bytes, rows from top to bottom. Transparent pixels are
// laid over `background`. What lies below the region is read too: damage anywhere is an error.
cimage_result cimage_decode(const uint8_t *bytes, size_t length, int32_t eighths,
                            cimage_region region, const uint8_t background[_Nonnull 3],
                            uint8_t *rgb, cimage_failure *failure);

// Turns stored pixels upright: `rgb` is `width` x `height`, `upright` receives the picture that
// EXIF `orientation` (1 to 8) asks for, whose sides are swapped from 5 on.
void cimage_orient(const uint8_t *rgb, int32_t width, int32_t height, int32_t orientation,
                   uint8_t *upright);

// The orientation (1 to 8) in the body of a JPEG's APP1 segment, or 0 where it holds none.
int32_t cimage_exif_orientation(const uint8_t *segment, size_t length);

// Encodes `width` x `height` RGB pixels as a PNG file. `*bytes` is to be freed with free().
cimage_result cimage_encode_png(const uint8_t *rgb, int32_t width, int32_t height,
                                uint8_t *_Nullable *_Nonnull bytes, size_t *length,
                                cimage_failure *failure);

// The same as a JPEG file of `quality` 1 to 100, for sides of at most 65500.
cimage_result cimage_encode_jpeg(const uint8_t *rgb, int32_t width, int32_t height, int32_t quality,
                                 uint8_t *_Nullable *_Nonnull bytes, size_t *length,
                                 cimage_failure *failure);

#if defined(__clang__)
#pragma clang assume_nonnull end
#endif
