#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h>

#include "codec.h"

// Everything that must survive a longjmp lives in the frame that called setjmp.
typedef struct jpeg_sink {
  jmp_buf on_error;
  struct jpeg_error_mgr errors;
  struct jpeg_compress_struct encoder;
  unsigned char *bytes;
  unsigned long length;
  cimage_failure *failure;
} jpeg_sink;

static void on_error(j_common_ptr encoder) {
  jpeg_sink *sink = encoder->client_data;
  char text[JMSG_LENGTH_MAX];
  encoder->err->format_message(encoder, text);
  cimage_fail(sink->failure, CIMAGE_NO_MEMORY, text);
  longjmp(sink->on_error, 1);
}

static void on_output(j_common_ptr encoder) { (void)encoder; }

static void encode(jpeg_sink *sink, const uint8_t *rgb, int32_t width, int32_t height,
                   int32_t quality) {
  jpeg_create_compress(&sink->encoder);
  jpeg_mem_dest(&sink->encoder, &sink->bytes, &sink->length);
  sink->encoder.image_width = (JDIMENSION)width;
  sink->encoder.image_height = (JDIMENSION)height;
  sink->encoder.input_components = 3;
  sink->encoder.in_color_space = JCS_RGB;
  jpeg_set_defaults(&sink->encoder);
  jpeg_set_quality(&sink->encoder, quality, TRUE);
  sink->encoder.optimize_coding = TRUE;
  jpeg_start_compress(&sink->encoder, TRUE);
  for (int32_t y = 0; y < height; y++) {
    JSAMPROW row = (JSAMPROW)(rgb + (size_t)y * width * 3);
    jpeg_write_scanlines(&sink->encoder, &row, 1);
  }
  jpeg_finish_compress(&sink->encoder);
}

cimage_result cimage_encode_jpeg(const uint8_t *rgb, int32_t width, int32_t height, int32_t quality,
                                 uint8_t **bytes, size_t *length, cimage_failure *failure) {
  jpeg_sink sink = {.failure = failure};
  sink.encoder.err = jpeg_std_error(&sink.errors);
  sink.encoder.client_data = &sink;
  sink.errors.error_exit = on_error;
  sink.errors.output_message = on_output;
  cimage_result result = CIMAGE_OK;
  if (setjmp(sink.on_error) == 0) {
    encode(&sink, rgb, width, height, quality);
  } else {
    result = CIMAGE_NO_MEMORY;
    free(sink.bytes);
    sink.bytes = NULL;
    sink.length = 0;
  }
  jpeg_destroy_compress(&sink.encoder);
  *bytes = sink.bytes;
  *length = sink.length;
  return result;
}
