#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// First, since it defines what jerror.h's numbers depend on.
#include <jpeglib.h>

#include <jerror.h>

#include "codec.h"

// A progressive file may hold any number of scans, each of which costs a pass over the picture.
enum { most_scans = 200 };

// libjpeg's error manager first, so that a pointer to it is a pointer to the job; everything that
// must survive a longjmp lives in the frame that called setjmp.
typedef struct jpeg_job {
  struct jpeg_error_mgr errors;
  jmp_buf on_error;
  struct jpeg_progress_mgr progress;
  struct jpeg_decompress_struct decoder;
  cimage_result result;
  cimage_failure *failure;
  uint8_t *row;
} jpeg_job;

static _Noreturn void stop(j_common_ptr decoder, cimage_result result) {
  jpeg_job *job = (jpeg_job *)decoder->err;
  char text[JMSG_LENGTH_MAX];
  job->errors.format_message(decoder, text);
  job->result = cimage_fail(job->failure, result, text);
  longjmp(job->on_error, 1);
}

static void on_error(j_common_ptr decoder) {
  switch (decoder->err->msg_code) {
    case JERR_OUT_OF_MEMORY: stop(decoder, CIMAGE_NO_MEMORY);
    case JERR_INPUT_EMPTY:
    case JERR_INPUT_EOF: stop(decoder, CIMAGE_TRUNCATED);
    case JERR_BAD_PRECISION:
    case JERR_SOF_UNSUPPORTED:
    case JERR_CONVERSION_NOTIMPL:
    case JERR_ARITH_NOTIMPL: stop(decoder, CIMAGE_UNSUPPORTED);
    default: stop(decoder, CIMAGE_CORRUPT);
  }
}

// libjpeg calls lost data a warning and paints it grey. A grey picture must not be learned from.
// Bytes left over are a sign that codes were misread: the picture is garbage from there on.
static void on_message(j_common_ptr decoder, int level) {
  if (level >= 0) return;
  switch (decoder->err->msg_code) {
    case JWRN_JPEG_EOF:
    case JWRN_HIT_MARKER: stop(decoder, CIMAGE_TRUNCATED);
    case JWRN_HUFF_BAD_CODE:
#ifdef D_ARITH_CODING_SUPPORTED
    case JWRN_ARITH_BAD_CODE:
#endif
    case JWRN_EXTRANEOUS_DATA:
    case JWRN_MUST_RESYNC: stop(decoder, CIMAGE_CORRUPT);
    default: break;
  }
}

static void on_output(j_common_ptr decoder) { (void)decoder; }

static void on_progress(j_common_ptr decoder) {
  if (!decoder->is_decompressor) return;
  if (((j_decompress_ptr)decoder)->input_scan_number <= most_scans) return;
  jpeg_job *job = (jpeg_job *)decoder->err;
  char text[80];
  snprintf(text, sizeof text, "more than %d progressive scans", most_scans);
  job->result = cimage_fail(job->failure, CIMAGE_UNSUPPORTED, text);
  longjmp(job->on_error, 1);
}

static void begin(jpeg_job *job, const uint8_t *bytes, size_t length) {
  job->decoder.err = jpeg_std_error(&job->errors);
  job->errors.error_exit = on_error;
  job->errors.emit_message = on_message;
  job->errors.output_message = on_output;
  jpeg_create_decompress(&job->decoder);
  job->progress.progress_monitor = on_progress;
  job->decoder.progress = &job->progress;
  jpeg_mem_src(&job->decoder, bytes, length);
}

static cimage_result finish(jpeg_job *job) {
  jpeg_destroy_decompress(&job->decoder);
  free(job->row);
  return job->result;
}

static void probe(jpeg_job *job, const uint8_t *bytes, size_t length, cimage_info *info) {
  begin(job, bytes, length);
  struct jpeg_decompress_struct *decoder = &job->decoder;
  jpeg_save_markers(decoder, JPEG_APP0 + 1, 0xFFFF);
  jpeg_read_header(decoder, TRUE);
  info->width = (int32_t)decoder->image_width;
  info->height = (int32_t)decoder->image_height;
  info->channels = decoder->num_components;
  info->bit_depth = decoder->data_precision;
  info->multipass = jpeg_has_multiple_scans(decoder);
  for (jpeg_saved_marker_ptr marker = decoder->marker_list; marker; marker = marker->next) {
    int32_t orientation = cimage_exif_orientation(marker->data, marker->data_length);
    if (orientation == 0) continue;
    info->orientation = orientation;
    break;
  }
}

static int announced(const uint8_t *bytes, size_t length) {
  return length >= 3 && bytes[0] == 0xFF && bytes[1] == 0xD8 && bytes[2] == 0xFF;
}

static cimage_result jpeg_probe(const uint8_t *bytes, size_t length, cimage_info *info,
                                cimage_failure *failure) {
  jpeg_job job = {.failure = failure};
  if (setjmp(job.on_error) == 0) probe(&job, bytes, length, info);
  return finish(&job);
}

// Paper white less the inks. They are stored inverted, 255 for no ink: Adobe's way, which every
// reader expects of four components, also of files that lost Adobe's marker.
static void convert_inks(const uint8_t *inks, int32_t width, uint8_t *rgb) {
  for (int32_t x = 0; x < width; x++, inks += 4, rgb += 3)
    for (int c = 0; c < 3; c++) rgb[c] = (uint8_t)((inks[c] * (uint32_t)inks[3] + 127) / 255);
}

// Decodes what lies below the region as well, for the damage that may be there: only its codes, but
// for the last row, since libjpeg does not read what is skipped to the end.
static void read_rest(struct jpeg_decompress_struct *decoder, JSAMPROW row) {
  JDIMENSION rest = decoder->output_height - decoder->output_scanline;
  if (rest > 1) jpeg_skip_scanlines(decoder, rest - 1);
  if (rest > 0) jpeg_read_scanlines(decoder, &row, 1);
  jpeg_finish_decompress(decoder);
}

static void decode(jpeg_job *job, const uint8_t *bytes, size_t length, int32_t eighths,
                   cimage_region region, uint8_t *rgb) {
  begin(job, bytes, length);
  struct jpeg_decompress_struct *decoder = &job->decoder;
  jpeg_read_header(decoder, TRUE);
  decoder->scale_num = (unsigned)eighths;
  decoder->scale_denom = 8;
  int inks = decoder->num_components == 4;
  decoder->out_color_space = inks ? JCS_CMYK : JCS_RGB;
  jpeg_start_decompress(decoder);

  if ((int64_t)region.x + region.width > decoder->output_width ||
      (int64_t)region.y + region.height > decoder->output_height) {
    job->result = cimage_fail(job->failure, CIMAGE_CORRUPT, "the header changed between two looks");
    longjmp(job->on_error, 1);
  }
  // Columns are cut at whole blocks, and the smooth upsampling of colour at a cut lacks its
  // neighbour: ask for a block more on either side.
  enum { margin = 16 };
  JDIMENSION left = region.x > margin ? (JDIMENSION)region.x - margin : 0;
  JDIMENSION right = (JDIMENSION)(region.x + region.width) + margin;
  if (right > decoder->output_width) right = decoder->output_width;
  JDIMENSION columns = right - left;
  if (columns < decoder->output_width) {
    jpeg_crop_scanline(decoder, &left, &columns);
  }
  job->row = malloc((size_t)decoder->output_width * (size_t)decoder->output_components);
  if (!job->row) {
    job->result = cimage_fail(job->failure, CIMAGE_NO_MEMORY, "no memory for a row");
    longjmp(job->on_error, 1);
  }
  if (region.y > 0) jpeg_skip_scanlines(decoder, (JDIMENSION)region.y);
  const uint8_t *wanted = job->row + ((size_t)region.x - left) * decoder->output_components;
  for (int32_t y = 0; y < region.height; y++, rgb += (size_t)region.width * 3) {
    JSAMPROW row = job->row;
    jpeg_read_scanlines(decoder, &row, 1);
    if (inks) {
      convert_inks(wanted, region.width, rgb);
    } else {
      memcpy(rgb, wanted, (size_t)region.width * 3);
    }
  }
  read_rest(decoder, job->row);
}

static cimage_result jpeg_decode(const uint8_t *bytes, size_t length, int32_t eighths,
                                 cimage_region region, const uint8_t *background, uint8_t *rgb,
                                 cimage_failure *failure) {
  (void)background;
  jpeg_job job = {.failure = failure};
  if (setjmp(job.on_error) == 0) decode(&job, bytes, length, eighths, region, rgb);
  return finish(&job);
}

const cimage_codec cimage_jpeg = {
    .format = {.name = "JPEG", .endings = "jpg jpeg jpe jfif"},
    .reducible = 1,
    .announced = announced,
    .probe = jpeg_probe,
    .decode = jpeg_decode,
};
