#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "codec.h"

static const uint8_t signature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};

// Everything that must survive a longjmp, in the frame that called setjmp.
typedef struct png_job {
  jmp_buf on_error;
  const uint8_t *bytes;
  size_t length;
  size_t offset;
  cimage_result result;
  cimage_failure *failure;
  png_structp png;
  png_infop info;
  uint8_t *pixels;  // one row, or the whole picture where it is interlaced
} png_job;

static void on_error(png_structp png, png_const_charp message) {
  png_job *job = png_get_error_ptr(png);
  if (job->result == CIMAGE_OK)
    job->result = strstr(message, "memory") ? CIMAGE_NO_MEMORY : CIMAGE_CORRUPT;
  cimage_fail(job->failure, job->result, message);
  longjmp(job->on_error, 1);
}

static void on_warning(png_structp png, png_const_charp message) {
  (void)png;
  (void)message;
}

static void read_bytes(png_structp png, png_bytep target, size_t count) {
  png_job *job = png_get_io_ptr(png);
  if (count > job->length - job->offset) {
    job->result = CIMAGE_TRUNCATED;
    png_error(png, "the file ends inside the picture");
  }
  memcpy(target, job->bytes + job->offset, count);
  job->offset += count;
}

static void begin(png_job *job) {
  job->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, job, on_error, on_warning);
  if (job->png) job->info = png_create_info_struct(job->png);
  if (!job->info) {
    job->result = cimage_fail(job->failure, CIMAGE_NO_MEMORY, "no memory for a PNG decoder");
    longjmp(job->on_error, 1);
  }
  png_set_read_fn(job->png, job, read_bytes);
  // The caller has its own budget in pixels; libpng's default of a million a side is in its way.
  png_set_user_limits(job->png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
  png_set_chunk_malloc_max(job->png, 16 << 20);
  // Comments, profiles and the like are hostile input for nothing: only transparency is wanted.
  png_set_keep_unknown_chunks(job->png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
  png_read_info(job->png, job->info);
}

// Lays one row of 8-bit RGB or RGBA over the background.
static void compose(const uint8_t *row, int channels, int32_t width, const uint8_t *background,
                    uint8_t *rgb) {
  if (channels == 3) {
    memcpy(rgb, row, (size_t)width * 3);
    return;
  }
  for (int32_t x = 0; x < width; x++, row += 4, rgb += 3) {
    uint32_t alpha = row[3];
    for (int c = 0; c < 3; c++)
      rgb[c] = (uint8_t)((row[c] * alpha + background[c] * (255 - alpha) + 127) / 255);
  }
}

static void *allocate(png_job *job, size_t size) {
  void *memory = malloc(size);
  if (!memory) {
    job->result = CIMAGE_NO_MEMORY;
    png_error(job->png, "no memory for the decoded picture");
  }
  return memory;
}

static void decode(png_job *job, cimage_region region, const uint8_t *background, uint8_t *rgb) {
  begin(job);
  png_structp png = job->png;
  png_set_expand(png);       // palette to RGB, few bits to eight, tRNS to alpha
  png_set_scale_16(png);     // rounds, where strip_16 would cut
  png_set_gray_to_rgb(png);
  int passes = png_set_interlace_handling(png);
  png_read_update_info(png, job->info);

  int64_t width = png_get_image_width(png, job->info);
  int64_t height = png_get_image_height(png, job->info);
  int channels = png_get_channels(png, job->info);
  if ((int64_t)region.x + region.width > width || (int64_t)region.y + region.height > height)
    png_error(png, "the header changed between two looks");
  size_t stride = png_get_rowbytes(png, job->info);
  size_t out_stride = (size_t)region.width * 3;
  size_t left = (size_t)region.x * channels;

  if (passes == 1) {
    job->pixels = allocate(job, stride);
    for (int64_t y = 0; y < height; y++) {
      png_read_row(png, job->pixels, NULL);
      if (y >= region.y && y < region.y + region.height)
        compose(job->pixels + left, channels, region.width, background,
                rgb + (size_t)(y - region.y) * out_stride);
    }
    png_read_end(png, NULL);
    return;
  }
  job->pixels = allocate(job, stride * (size_t)height);
  for (int pass = 0; pass < passes; pass++)
    for (int64_t y = 0; y < height; y++) png_read_row(png, job->pixels + stride * y, NULL);
  png_read_end(png, NULL);
  for (int32_t y = 0; y < region.height; y++)
    compose(job->pixels + stride * (size_t)(y + region.y) + left, channels, region.width,
            background, rgb + (size_t)y * out_stride);
}

static cimage_result finish(png_job *job) {
  png_destroy_read_struct(&job->png, &job->info, NULL);
  free(job->pixels);
  return job->result;
}

static cimage_result png_decode(const uint8_t *bytes, size_t length, int32_t eighths,
                                cimage_region region, const uint8_t *background, uint8_t *rgb,
                                cimage_failure *failure) {
  (void)eighths;
  png_job job = {.bytes = bytes, .length = length, .failure = failure};
  if (setjmp(job.on_error) == 0) decode(&job, region, background, rgb);
  return finish(&job);
}

// The body of the first eXIf chunk, which may also stand behind the picture; NULL where there is none.
static const uint8_t *exif(const png_job *job, size_t *length) {
  enum { around = 12 };  // a chunk's length, type and checksum are 12 bytes
  size_t offset = sizeof signature;
  while (job->length - offset >= around) {
    const uint8_t *chunk = job->bytes + offset;
    size_t size = (size_t)chunk[0] << 24 | chunk[1] << 16 | chunk[2] << 8 | chunk[3];
    if (size > job->length - offset - around) break;
    if (memcmp(chunk + 4, "eXIf", 4) == 0) {
      *length = size;
      return chunk + 8;
    }
    offset += around + size;
  }
  return NULL;
}

static void probe(png_job *job, cimage_info *info) {
  begin(job);
  info->width = (int32_t)png_get_image_width(job->png, job->info);
  info->height = (int32_t)png_get_image_height(job->png, job->info);
  info->channels = png_get_channels(job->png, job->info);
  info->bit_depth = png_get_bit_depth(job->png, job->info);
  info->multipass = png_get_interlace_type(job->png, job->info) != PNG_INTERLACE_NONE;
  size_t length = 0;
  const uint8_t *tags = exif(job, &length);
  int32_t orientation = tags ? cimage_tiff_orientation(tags, length) : 0;
  if (orientation != 0) info->orientation = orientation;
}

static cimage_result png_probe(const uint8_t *bytes, size_t length, cimage_info *info,
                               cimage_failure *failure) {
  png_job job = {.bytes = bytes, .length = length, .failure = failure};
  if (setjmp(job.on_error) == 0) probe(&job, info);
  return finish(&job);
}

static int announced(const uint8_t *bytes, size_t length) {
  return length >= sizeof signature && memcmp(bytes, signature, sizeof signature) == 0;
}

const cimage_codec cimage_png = {
    .format = {.name = "PNG", .endings = "png"},
    .announced = announced,
    .probe = png_probe,
    .decode = png_decode,
};
