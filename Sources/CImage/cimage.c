#include "cimage.h"

#include <stdio.h>
#include <string.h>

#include "codec.h"

// Every kind of picture that is read.
extern const cimage_codec cimage_png, cimage_jpeg;
static const cimage_codec *const codecs[] = {&cimage_png, &cimage_jpeg};
enum { codec_count = sizeof codecs / sizeof *codecs };

cimage_result cimage_fail(cimage_failure *failure, cimage_result result, const char *text) {
  snprintf(failure->text, sizeof failure->text, "%s", text);
  return result;
}

const cimage_format *cimage_format_at(size_t index) {
  return index < codec_count ? &codecs[index]->format : NULL;
}

static const cimage_codec *codec_of(const uint8_t *bytes, size_t length) {
  for (size_t i = 0; i < codec_count; i++)
    if (codecs[i]->announced(bytes, length)) return codecs[i];
  return NULL;
}

const cimage_format *cimage_sniff(const uint8_t *bytes, size_t length) {
  const cimage_codec *codec = codec_of(bytes, length);
  return codec ? &codec->format : NULL;
}

static cimage_result no_picture(cimage_failure *failure) {
  return cimage_fail(failure, CIMAGE_NOT_A_PICTURE, "no kind of picture that is read");
}

cimage_result cimage_probe(const uint8_t *bytes, size_t length, cimage_info *info,
                           cimage_failure *failure) {
  const cimage_codec *codec = codec_of(bytes, length);
  if (!codec) return no_picture(failure);
  *info = (cimage_info){.orientation = 1, .reducible = codec->reducible};
  return codec->probe(bytes, length, info, failure);
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
  const cimage_codec *codec = codec_of(bytes, length);
  if (!codec) return no_picture(failure);
  if (eighths != 8 && !codec->reducible)
    return cimage_fail(failure, CIMAGE_UNSUPPORTED, "a picture without reduced scales");
  return codec->decode(bytes, length, eighths, region, background, rgb, failure);
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
