import Foundation
import VisionJEPA

/// The pictures that rows of an embedding file are the embeddings of, read again.
struct RowPictures {
  /// The picture of a row, upright and whole.
  ///
  /// - Throws: `ImageError` with the path.
  mutating func picture(of row: EmbeddingRow) throws(ImageError) -> RGBImage {
    try ImageDecoder().decode(contentsOf: row.path)
  }
}

/// Rows of an embedding file as pictures to be read.
struct RowEntries: Sequence {
  private let rows: [EmbeddingRow]

  init(_ rows: [EmbeddingRow]) { self.rows = rows }

  func makeIterator() -> AnyIterator<ImageEntry> {
    var rest = rows.makeIterator()
    return AnyIterator { rest.next().map { ImageEntry(file: $0.path) } }
  }
}
