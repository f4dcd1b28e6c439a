/// A picture of an embedding file that a report names.
public struct CuratedPicture: Codable, Equatable, Sendable {
  public let row: Int
  public let path: String
  public let label: String?
  public let frame: Int?

  init(_ place: Int, of rows: OrderedRows) {
    row = rows.numbers[place]
    path = rows[place].path
    label = rows[place].label
    frame = rows[place].frame
  }

  var item: EmbeddingRow { EmbeddingRow(path: path, label: label, frame: frame) }
}
