// The orientation tag of EXIF (CIPA DC-008, section 4.6.4): a TIFF header, then a directory of
// twelve-byte entries. Only the first directory is looked at, and only inside the segment.
#include <string.h>

#include "codec.h"

typedef struct tiff {
  const uint8_t *bytes;
  size_t length;
  int little_endian;
} tiff;

static int read16(const tiff *file, size_t offset, uint32_t *value) {
  if (file->length < 2 || offset > file->length - 2) return 0;
  const uint8_t *p = file->bytes + offset;
  *value = file->little_endian ? (uint32_t)(p[0] | p[1] << 8) : (uint32_t)(p[0] << 8 | p[1]);
  return 1;
}

static int read32(const tiff *file, size_t offset, uint32_t *value) {
  uint32_t first, second;
  if (!read16(file, offset, &first) || !read16(file, offset + 2, &second)) return 0;
  *value = file->little_endian ? first | second << 16 : first << 16 | second;
  return 1;
}

int32_t cimage_exif_orientation(const uint8_t *segment, size_t length) {
  enum { prefix = 6 };
  if (length < prefix || memcmp(segment, "Exif\0\0", prefix) != 0) return 0;
  return cimage_tiff_orientation(segment + prefix, length - prefix);
}

int32_t cimage_tiff_orientation(const uint8_t *bytes, size_t length) {
  tiff file = {bytes, length, 0};
  if (file.length < 8) return 0;
  if (memcmp(file.bytes, "II*\0", 4) == 0) {
    file.little_endian = 1;
  } else if (memcmp(file.bytes, "MM\0*", 4) != 0) {
    return 0;
  }
  enum { orientation_tag = 0x0112, short_type = 3, entry_size = 12 };
  uint32_t directory, entries;
  if (!read32(&file, 4, &directory) || !read16(&file, directory, &entries)) return 0;
  for (uint32_t i = 0; i < entries; i++) {
    size_t entry = (size_t)directory + 2 + (size_t)i * entry_size;
    uint32_t tag, type, count, value;
    if (!read16(&file, entry, &tag) || !read16(&file, entry + 2, &type) ||
        !read32(&file, entry + 4, &count) || !read16(&file, entry + 8, &value))
      return 0;
    if (tag == orientation_tag)
      return type == short_type && count == 1 && value >= 1 && value <= 8 ? (int32_t)value : 0;
  }
  return 0;
}
