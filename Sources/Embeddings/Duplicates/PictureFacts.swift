import Files
import Pictures

/// What tells copies of one picture apart.
struct PictureFacts {
  let width: Int
  let height: Int
  let byteCount: Int

  var pixelCount: Int { width * height }

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

  /// How much a picture shows: its bytes as a PNG of 64 levels a channel, whatever file it is in. A smaller copy, one
  /// without colours, and one that blur or a low quality took details from need fewer; one that was enlarged needs more.
  ///
  /// Bytes as a JPEG would not do: a JPEG that is cropped and written again needs more than the whole. Of all 256 levels the
  /// lowest are its noise.
  static func detail(ofFile path: String, decoder: ImageDecoder) -> Int {
    guard var image = try? decoder.decode(contentsOf: path) else { return 0 }
    for place in image.pixels.indices { image.pixels[place] &= 0xFC }
    return (try? image.pngBytes(name: path).count) ?? 0
  }
}
