import Files
import Foundation
import Pictures

/// A contact sheet of rows of an embedding file: their pictures, read again.
///
/// A picture that is no longer there leaves a grey tile and is named in `write(to:)`'s result.
public struct PictureSheet {
  struct Tile {
    let row: EmbeddingRow
    let caption: String
    let startsGroup: Bool

    init(_ row: EmbeddingRow, caption: String, startsGroup: Bool = false) {
      self.row = row
      self.caption = caption
      self.startsGroup = startsGroup
    }
  }

  private let rows: [[Tile]]
  private let tileSize: Int
  private static let missing = RGBColor(70, 70, 74)

  init(rows: [[Tile]], tileSize: Int = 96) {
    self.rows = rows
    self.tileSize = tileSize
  }

  /// Draws the sheet to a PNG file.
  ///
  /// - Returns: the pictures that could not be read.
  /// - Throws: `InputError.tooFewItems` where there is nothing to draw; `ImageError`.
  public func write(
    to output: String, decoder: ImageDecoder = ImageDecoder()
  ) throws -> [ImageFailure] {
    guard rows.contains(where: { !$0.isEmpty }) else {
      throw InputError.tooFewItems(purpose: "a contact sheet", needed: 1, found: 0)
    }
    var failures: [ImageFailure] = []
    var sheet = ContactSheet(tileSize: tileSize)
    var pictures = RowPictures(shortSide: tileSize, decoder: decoder)
    for row in rows {
      sheet.append(
        row: row.map { tile in
          let image: RGBImage
          do throws(ImageError) {
            image = try pictures.picture(of: tile.row)
          } catch {
            failures.append(ImageFailure(path: tile.row.name, error: error))
            image = RGBImage(width: 1, height: 1, color: Self.missing)
          }
          return ContactSheet.Tile(
            image, caption: tile.caption, startsGroup: tile.startsGroup)
        })
    }
    try sheet.draw().write(toPNG: output)
    return failures
  }
}
