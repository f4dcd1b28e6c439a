#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "codec.h"

typedef struct png_sink {
  jmp_buf on_error;
  uint8_t *bytes;
  size_t length;
  size_t capacity;
  cimage_failure *failure;
  png_structp png;
  png_infop info;
} png_sink;

static void on_error(png_structp png, png_const_charp message) {
  png_sink *sink = png_get_error_ptr(png);
  cimage_fail(sink->failure, CIMAGE_NO_MEMORY, message);
  longjmp(sink->on_error, 1);
}

static void on_warning(png_structp png, png_const_charp message) {
  (void)png;
  (void)message;
}

static void write_bytes(png_structp png, png_bytep source, size_t count) {
  png_sink *sink = png_get_io_ptr(png);
  if (count > sink->capacity - sink->length) {
    size_t capacity = (sink->length + count) * 2;
    uint8_t *bytes = realloc(sink->bytes, capacity);
    if (!bytes) png_error(png, "no memory for the PNG file");
    sink->bytes = bytes;
    sink->capacity = capacity;
  }
  memcpy(sink->bytes + sink->length, source, count);
  sink->length += count;
}

static void flush(png_structp png) { (void)png; }

static void encode(png_sink *sink, const uint8_t *rgb, int32_t width, int32_t height) {
  sink->png = png_create_write_struct(PNG_LIBPNG_VER_STRING, sink, on_error, on_warning);
  if (sink->png) sink->info = png_create_info_struct(sink->png);
  if (!sink->info) {
    cimage_fail(sink->failure, CIMAGE_NO_MEMORY, "no memory for a PNG encoder");
    longjmp(sink->on_error, 1);
  }
  png_set_write_fn(sink->png, sink, write_bytes, flush);
  png_set_IHDR(sink->png, sink->info, (png_uint_32)width, (png_uint_32)height, 8,
               PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
               PNG_FILTER_TYPE_DEFAULT);
  // The registered keyword for what made a file: by it the program knows its own pictures.
  png_text maker = {.compression = PNG_TEXT_COMPRESSION_NONE, .key = "Software", .text = "swift-jepa"};
  png_set_text(sink->png, sink->info, &maker, 1);
  png_write_info(sink->png, sink->info);
  for (int32_t y = 0; y < height; y++) png_write_row(sink->png, rgb + (size_t)y * width * 3);
  png_write_end(sink->png, sink->info);
}

cimage_result cimage_encode_png(const uint8_t *rgb, int32_t width, int32_t height,
                                uint8_t **bytes, size_t *length, cimage_failure *failure) {
  png_sink sink = {.failure = failure};
  cimage_result result = CIMAGE_OK;
  if (setjmp(sink.on_error) == 0) {
    encode(&sink, rgb, width, height);
  } else {
    result = CIMAGE_NO_MEMORY;
    free(sink.bytes);
    sink.bytes = NULL;
    sink.length = 0;
  }
  png_destroy_write_struct(&sink.png, &sink.info);
  *bytes = sink.bytes;
  *length = sink.length;
  return result;
}
