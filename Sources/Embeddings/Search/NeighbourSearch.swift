import Files
import Foundation
import ImageJEPA
import Pictures
import Torch

/// Finds the rows of a file of embeddings that are most similar to given pictures or to other rows.
public struct NeighbourSearch {
  private let file: EmbeddingFile
  private let checkpoint: String?
  private let device: Device
  private let decoder: ImageDecoder

  /// - Parameters:
  ///   - checkpoint: the model that pictures are embedded with; nil for the one that the file names.
  public init(
    _ file: EmbeddingFile, checkpoint: String? = nil, device: Device = .cpu,
    decoder: ImageDecoder = ImageDecoder()
  ) {
    self.file = file
    self.checkpoint = checkpoint
    self.device = device
    self.decoder = decoder
  }

  private enum Query {
    case row(Int)
    case picture(String)
  }

  /// Finds the neighbours of each query.
  ///
  /// - Parameters:
  ///   - queries: each the name of a row (its path, with `#frame` for a frame), or else a picture's path.
  ///   - top: how many neighbours, at most; a row is not its own.
  /// - Throws: `EmbeddingError.unknownQuery`, `.otherModel`, `.missingModel`, `.invalidSetting`;
  ///   `ImageError` for a picture that cannot be read.
  public func run(_ queries: [String], top: Int) throws -> NeighbourReport {
    guard top >= 1 else {
      throw InputError.invalidSetting(name: "top", expected: "1 or more", found: "\(top)")
    }
    let matrix = try file.matrix()
    let search = SimilaritySearch(matrix)
    let names = Dictionary(
      file.rows.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
    // The same file by another path, such as ./cat.jpg for cat.jpg: looked for only where it is needed.
    lazy var rowsByFile = Dictionary(
      file.rows.enumerated().compactMap { number, row in
        row.frame == nil ? FileIdentity(path: row.path).map { ($0, number) } : nil
      }, uniquingKeysWith: { first, _ in first })
    let found = try queries.map { query -> Query in
      if let row = names[query] { return .row(row) }
      guard let identity = FileIdentity(path: query) else {
        throw EmbeddingError.unknownQuery(query: query, path: file.path)
      }
      return rowsByFile[identity].map { .row($0) } ?? .picture(query)
    }
    let pictures = found.compactMap { if case .picture(let path) = $0 { path } else { nil } }
    var embedded = (pictures.isEmpty ? [] : try embed(pictures)).makeIterator()
    let embeddings = found.map { query in
      switch query {
      case .row(let row): matrix.slice(row..<row + 1).to(.float32)
      case .picture: embedded.next()!
      }
    }
    let excluded = found.map { if case .row(let row) = $0 { row } else { nil as Int? } }
    let matches = search.nearest(
      to: Tensor.concatenate(embeddings), top: top, excluding: excluded)
    return NeighbourReport(
      embeddings: file.path,
      queries: zip(queries, zip(excluded, matches)).map { query, found in
        NeighbourReport.Query(
          query: query, row: found.0, frame: found.0.flatMap { file.rows[$0].frame },
          neighbours: found.1.map { .init(file.rows[$0.row], match: $0) })
      })
  }

  /// The embeddings of pictures, `[1, D]` each, made as the file's were.
  private func embed(_ paths: [String]) throws -> [Tensor] {
    let model = try FileModel(file.description, path: file.path)
      .load(checkpoint: checkpoint, device: device)
    let embedder = try PictureEmbedder(model: model, settings: file.description.settings)
    let batches = try ImageBatches(
      paths.map(ImageEntry.init(file:)), size: model.preprocessing.imageSize, batchSize: 64,
      filter: model.preprocessing.filter, normalization: model.preprocessing.normalization,
      decoder: decoder, options: LoaderOptions(isStrict: true))
    var embeddings: [Tensor] = []
    while let batch = try batches.next() {
      let rows = embedder(batch.tensor).to(.float32)
      embeddings += (0..<batch.count).map { rows.slice($0..<$0 + 1).clone() }
      batches.release(batch)
    }
    return embeddings
  }
}

/// The model that made a file, found again.
struct FileModel {
  private let description: EmbeddingDescription
  private let path: String

  init(_ description: EmbeddingDescription, path: String) {
    self.description = description
    self.path = path
  }

  /// Loads the model and makes sure that it is the one.
  ///
  /// - Throws: `EmbeddingError.missingModel`, `.otherModel`, and what loading a model throws.
  func load(checkpoint: String?, device: Device) throws -> ImageModel {
    let folder = checkpoint ?? description.checkpoint
    if checkpoint == nil, !FileManager.default.fileExists(atPath: folder) {
      throw EmbeddingError.missingModel(path: path, checkpoint: folder)
    }
    let model = try ImageModel.load(from: folder, device: device)
    let found = try SHA256.hexadecimal(ofFile: model.path)
    guard found == description.modelSHA256 else {
      throw EmbeddingError.otherModel(
        path: path, expected: description.modelSHA256, model: model.path, found: found)
    }
    return model
  }
}
