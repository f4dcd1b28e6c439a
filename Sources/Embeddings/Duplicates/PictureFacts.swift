import Files
import Pictures

/// What tells copies of one picture apart.
struct PictureFacts {
  let width: Int
  let height: Int
  let byteCount: Int

  var pixelCount: Int { width * height }

  /// The quality of the JPEG whose bytes measure what a picture shows.
  private static let quality = 90
  /// The longest side of a JPEG that can be written.
  private static let longestSide = 65_500

  /// Nil for a file that is no picture.
  init?(ofFile path: String, decoder: ImageDecoder) {
    let workspace = ImageWorkspace()
    guard let bytes = try? ImageFile.read(path, name: path, into: &workspace.file),
      let header = try? decoder.header(bytes, name: path)
    else { return nil }
    width = header.width
    height = header.height
    byteCount = bytes.count
  }

  /// How much a picture shows: the bytes of it as a JPEG of one quality, whatever file it is in. A smaller copy, a
  /// blurred or enlarged one, one without colours, and one that a low quality took details from need fewer.
  static func detail(ofFile path: String, decoder: ImageDecoder) -> Int {
    guard let image = try? decoder.decode(contentsOf: path),
      max(image.width, image.height) <= longestSide
    else { return 0 }
    return (try? image.jpegBytes(quality: quality, name: path).count) ?? 0
  }
}
