#include "cimage.h"

#include <stdio.h>
#include <string.h>

#include "formats.h"

cimage_result cimage_fail(cimage_failure *failure, cimage_result result, const char *text) {
  snprintf(failure->text, sizeof failure->text, "%s", text);
  return result;
}

cimage_format cimage_sniff(const uint8_t *bytes, size_t length) {
  static const uint8_t png[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
  if (length >= 8 && memcmp(bytes, png, 8) == 0) return CIMAGE_PNG;
  if (length >= 3 && bytes[0] == 0xFF && bytes[1] == 0xD8 && bytes[2] == 0xFF) return CIMAGE_JPEG;
  return CIMAGE_UNKNOWN;
}

cimage_result cimage_probe(const uint8_t *bytes, size_t length, cimage_info *info,
                           cimage_failure *failure) {
  memset(info, 0, sizeof *info);
  info->orientation = 1;
  switch (cimage_sniff(bytes, length)) {
    case CIMAGE_PNG: return cimage_png_probe(bytes, length, info, failure);
    case CIMAGE_JPEG: return cimage_jpeg_probe(bytes, length, info, failure);
    default: return cimage_fail(failure, CIMAGE_NOT_A_PICTURE, "neither PNG nor JPEG");
  }
}

int32_t cimage_scaled_side(int32_t pixels, int32_t eighths) {
  return (int32_t)(((int64_t)pixels * eighths + 7) / 8);
}

cimage_result cimage_decode(const uint8_t *bytes, size_t length, int32_t eighths,
                            cimage_region region, const uint8_t background[3], uint8_t *rgb,
                            cimage_failure *failure) {
  if (eighths < 1 || eighths > 8 || region.x < 0 || region.y < 0 || region.width < 1 ||
      region.height < 1)
    return cimage_fail(failure, CIMAGE_UNSUPPORTED, "an impossible region was asked for");
  switch (cimage_sniff(bytes, length)) {
    case CIMAGE_PNG:
      if (eighths != 8)
        return cimage_fail(failure, CIMAGE_UNSUPPORTED, "a PNG has no reduced scales");
      return cimage_png_decode(bytes, length, region, background, rgb, failure);
    case CIMAGE_JPEG: return cimage_jpeg_decode(bytes, length, eighths, region, rgb, failure);
    default: return cimage_fail(failure, CIMAGE_NOT_A_PICTURE, "neither PNG nor JPEG");
  }
}

void cimage_orient(const uint8_t *rgb, int32_t width, int32_t height, int32_t orientation,
                   uint8_t *upright) {
  // The first pixel of the upright picture, and the steps to its right and lower neighbours.
  ptrdiff_t column = 3, row = (ptrdiff_t)width * 3, first = 0;
  ptrdiff_t last_column = (width - 1) * column, last_row = (height - 1) * row;
  ptrdiff_t right = column, down = row;
  switch (orientation) {
    case 2: first = last_column, right = -column; break;
    case 3: first = last_column + last_row, right = -column, down = -row; break;
    case 4: first = last_row, down = -row; break;
    case 5: right = row, down = column; break;
    case 6: first = last_row, right = -row, down = column; break;
    case 7: first = last_column + last_row, right = -row, down = -column; break;
    case 8: first = last_column, right = row, down = -column; break;
    default: break;
  }
  int32_t columns = orientation >= 5 ? height : width;
  int32_t rows = orientation >= 5 ? width : height;
  for (int32_t y = 0; y < rows; y++) {
    const uint8_t *source = rgb + first + y * down;
    for (int32_t x = 0; x < columns; x++, source += right, upright += 3) {
      upright[0] = source[0];
      upright[1] = source[1];
      upright[2] = source[2];
    }
  }
}
