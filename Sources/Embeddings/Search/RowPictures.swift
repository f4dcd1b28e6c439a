import Foundation
import Pictures

/// The pictures that rows of an embedding file are the embeddings of, read again.
struct RowPictures {
  private let shortSide: Int
  private let decoder: ImageDecoder
  private var frames = FrameReader()

  /// - Parameter shortSide: what frames of videos are scaled to, in pixels, and what large pictures
  ///   are scaled down towards.
  init(shortSide: Int, decoder: ImageDecoder = ImageDecoder()) {
    self.shortSide = shortSide
    self.decoder = decoder
  }

  /// The picture of a row, upright and whole.
  ///
  /// - Throws: `ImageError` with the path.
  mutating func picture(of row: EmbeddingRow) throws(ImageError) -> RGBImage {
    guard let frame = row.frame else {
      return try decoder.decode(contentsOf: row.path, shortSide: shortSide)
    }
    return try frames.picture(frame, of: row.path, shortSide: shortSide)
  }
}

/// Rows of an embedding file as pictures to be read.
struct RowEntries: Sequence {
  private let rows: [EmbeddingRow]
  private let shortSide: Int

  init(_ rows: [EmbeddingRow], shortSide: Int) {
    self.rows = rows
    self.shortSide = shortSide
  }

  func makeIterator() -> AnyIterator<ImageEntry> {
    var rest = rows.makeIterator()
    var frames = FrameReader()
    return AnyIterator<ImageEntry> { () -> ImageEntry? in
      guard let row = rest.next() else { return nil }
      guard let frame = row.frame else { return ImageEntry(file: row.path) }
      do throws(ImageError) {
        let image = try frames.picture(frame, of: row.path, shortSide: shortSide)
        return ImageEntry(.decoded(image), path: row.path, frame: frame)
      } catch {
        return ImageEntry(.unreadable(error), path: row.path, frame: frame)
      }
    }
  }
}
