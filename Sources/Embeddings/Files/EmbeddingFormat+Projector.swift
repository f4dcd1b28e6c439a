import Files
import Foundation
import Pictures
import Torch

extension EmbeddingFormat {
  /// A folder for TensorBoard's embedding projector: `tensorboard --logdir FOLDER`.
  public static let projector = EmbeddingFormat(
    ending: nil, isOwnFolder: ProjectorWriter.isMade(folder:), files: { _ in [] },
    writer: { export, paths, _, _ in try ProjectorWriter(export: export, paths: paths) },
    read: {
      throw EmbeddingContents.malformed(
        $0.output, "a \(EmbeddingFormat.endings.joined(with: "or")) file",
        "a folder or a file without an ending")
    })
}

/// `vectors.tsv` has a line of numbers for each row, `metadata.tsv` (with a line of names) what it is,
/// `sprite.png` its picture; `projector_config.pbtxt` says so, and `embeddings.json` what made it.
private struct ProjectorWriter: EmbeddingFormatWriter {
  /// The side of a picture in the sprite.
  static let tileSize = 64
  /// What TensorBoard shows pictures of: sprites of at most 8192 pixels a side.
  static let mostTiles = (8192 / tileSize) * (8192 / tileSize)

  private let export: UnfinishedExport
  private let paths: EmbeddingPaths
  private let vectors: ExportPart
  private let metadata: ExportPart
  /// RGB bytes of one tile after the other.
  private let tiles: ExportPart

  /// Whether a folder is one that an earlier export made.
  static func isMade(folder: String) -> Bool {
    FileIdentity(path: "\(folder)/projector_config.pbtxt") != nil
      && OutputKind.description.isMade("\(folder)/embeddings.json")
  }

  private static let tileByteCount = tileSize * tileSize * 3

  init(export: UnfinishedExport, paths: EmbeddingPaths) throws {
    self.export = export
    self.paths = paths
    vectors = try export.part("vectors.tsv")
    metadata = try export.part("metadata.tsv")
    tiles = try export.part("tiles")
    if metadata.byteCount == 0 {
      try metadata.append(DelimitedText.rowFields.joined(separator: "\t") + "\n")
    }
  }

  func append(
    _ embeddings: Tensor, rows: [EmbeddingRow], first: Int, pictures: () -> Tensor
  ) throws {
    let values = embeddings.to(.float32).array(of: Float.self)
    let width = embeddings.size(1)
    var (numbers, names) = ("", "")
    for (index, row) in rows.enumerated() {
      numbers += values[index * width..<(index + 1) * width].map { "\($0)" }
        .joined(separator: "\t")
      numbers += "\n"
      names += [
        "\(first + index)", Self.field(row.path), Self.field(row.label ?? ""),
        row.frame.map(String.init) ?? "", row.seconds.map { "\($0)" } ?? "",
      ].joined(separator: "\t")
      names += "\n"
    }
    try vectors.append(numbers)
    try metadata.append(names)
    let wanted = min(rows.count, Self.mostTiles - first)
    guard wanted > 0 else { return }
    let small =
      (pictures().slice(0..<wanted).resized(height: Self.tileSize, width: Self.tileSize)
      .clamped(to: 0...1) * 255).rounded()
    try small.permuted(0, 2, 3, 1).contiguous().to(.uint8).withUnsafeBytes { try tiles.append($0) }
  }

  /// A field of a file that has no way to quote.
  private static func field(_ text: String) -> String {
    String(text.map { $0.isNewline || $0 == "\t" ? " " : $0 })
  }

  func finish(_ description: EmbeddingDescription) throws -> [UnfinishedExport.Publication] {
    let about = try export.assembled(description, as: "embeddings.json")
    let hasSprite = description.shape[0] <= Self.mostTiles
    if hasSprite { try drawSprite(count: description.shape[0]) }
    let configuration = try export.assembled("projector_config.pbtxt")
    try configuration.append(
      """
      embeddings {
        tensor_name: "embeddings"
        tensor_path: "vectors.tsv"
        metadata_path: "metadata.tsv"

      """)
    if hasSprite {
      try configuration.append(
        """
          sprite {
            image_path: "sprite.png"
            single_image_dim: \(Self.tileSize)
            single_image_dim: \(Self.tileSize)
          }

        """)
    }
    try configuration.append("}\n")
    let names =
      [vectors.name, metadata.name] + (hasSprite ? ["sprite.png"] : [])
      + [about.name, configuration.name]
    return names.map { .init(part: $0, path: "\(paths.output)/\($0)") }
  }

  /// Lays the tiles out as TensorBoard expects: a square of tiles, row by row.
  private func drawSprite(count: Int) throws {
    let columns = max(1, Int(Double(count).squareRoot().rounded(.up)))
    var sprite = RGBImage(
      width: columns * Self.tileSize, height: columns * Self.tileSize, color: .white)
    let stride = sprite.width * 3
    var (tile, pending): (Int, [UInt8]) = (0, [])
    try tiles.read { piece in
      pending += piece
      var start = 0
      while pending.count - start >= Self.tileByteCount {
        let target =
          tile / columns * Self.tileSize * stride + tile % columns * Self.tileSize * 3
        for line in 0..<Self.tileSize {
          let source = start + line * Self.tileSize * 3
          sprite.pixels.replaceSubrange(
            target + line * stride..<target + line * stride + Self.tileSize * 3,
            with: pending[source..<source + Self.tileSize * 3])
        }
        tile += 1
        start += Self.tileByteCount
      }
      pending.removeFirst(start)
    }
    try sprite.write(toPNG: "\(export.folder)/sprite.png")
  }
}
