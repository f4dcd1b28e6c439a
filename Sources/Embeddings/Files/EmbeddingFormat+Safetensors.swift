import Files
import Foundation
import Torch

extension EmbeddingFormat {
  /// One tensor, `embeddings`; rows and description are its metadata.
  public static let safetensors = EmbeddingFormat(
    ending: "safetensors", holdsTokens: true,
    // The rows have a file of their own where they are too long for the header.
    files: { [$0.main(.embeddings), $0.rowsFile] },
    writer: { export, paths, _, _ in try EmbeddingTensorWriter(export, paths: paths) },
    read: { try EmbeddingContents(safetensors: $0) })
}

private struct EmbeddingTensorWriter: ArrayPartsWriter {
  /// Metadata of more bytes than this goes into a file of its own: the format's readers take 100 MB.
  private static let metadataLimit = 48 << 20

  private let export: UnfinishedExport
  private let paths: EmbeddingPaths
  let parts: ArrayParts

  init(_ export: UnfinishedExport, paths: EmbeddingPaths) throws {
    self.export = export
    self.paths = paths
    parts = try ArrayParts(export)
  }

  func finish(_ description: EmbeddingDescription) throws -> [UnfinishedExport.Publication] {
    var metadata = description.fields
    metadata["program"] = "swift-jepa"
    let isListBeside = parts.list.byteCount > Self.metadataLimit
    if isListBeside {
      metadata["rows"] = PathParts(paths.rows).name
    } else {
      metadata.merge(try rowMetadata()) { $1 }
    }
    let name = "embeddings"
    let writer = try SafetensorsWriter(
      path: "\(export.folder)/\(name)",
      tensors: [
        .init(
          name: name, dtype: description.dtype.tensorType.safetensors, shape: description.shape)
      ], metadata: metadata)
    try writer.write { _, sink in try parts.numbers.read(sink) }
    return (isListBeside ? [.init(part: parts.list.name, path: paths.rows)] : [])
      + [.init(part: name, path: paths.output)]
  }

  /// JSON arrays with one element a row.
  private func rowMetadata() throws -> [String: String] {
    var (paths, labels, frames, seconds): ([String], [String], [String], [String]) = (
      [], [], [], []
    )
    var hasFrames = false
    try parts.forEachRow { row in
      paths.append(JSONText.quoted(row.path))
      labels.append(row.label.map(JSONText.quoted) ?? "null")
      frames.append(row.frame.map(String.init) ?? "null")
      seconds.append(row.seconds.map { "\($0)" } ?? "null")
      hasFrames = hasFrames || row.frame != nil
    }
    func array(_ elements: [String]) -> String { "[\(elements.joined(separator: ","))]" }
    let metadata = ["paths": array(paths), "labels": array(labels)]
    guard hasFrames else { return metadata }
    return metadata.merging(["frames": array(frames), "seconds": array(seconds)]) { $1 }
  }
}

extension EmbeddingContents {
  fileprivate init(safetensors paths: EmbeddingPaths) throws {
    let path = paths.output
    let file = try SafetensorsFile(path: path)
    func field(_ name: String) throws -> String {
      guard let value = file.metadata[name] else {
        throw EmbeddingError.foreignEmbeddings(path: path, missing: "\(name) in its metadata")
      }
      return value
    }
    func parsed<Value>(_ name: String, _ parse: (String) -> Value?) throws -> Value {
      let text = try field(name)
      guard let value = parse(text) else {
        throw Self.malformed(path, "a usable \(name) in the metadata", text)
      }
      return value
    }
    let version = try field("version")
    let entry = try file.entry("embeddings")
    description = EmbeddingDescription(
      version: version, modelSHA256: try field("modelSHA256"), checkpoint: try field("checkpoint"),
      encoder: try field("encoder"), imageSize: try parsed("imageSize") { Int($0) },
      pooling: try parsed("pooling") { Pooling(rawValue: $0) },
      layer: try parsed("layer") { Int($0) },
      isNormalized: try parsed("normalized") { Bool($0) },
      dtype: try parsed("dtype") { EmbeddingDType(rawValue: $0) },
      arithmetic: try parsed("precision") { EmbeddingArithmetic(rawValue: $0) },
      shape: entry.shape)
    let map = try MappedFile(path: path)
    guard [.float32, .float16].contains(entry.dtype), entry.isAligned, entry.shape.count >= 2 else {
      throw Self.malformed(
        path, "embeddings of F32 or F16", "\(entry.dtype.rawValue) \(entry.shape)")
    }
    values = map.tensor(
      in: entry.byteRange, shape: entry.shape,
      dtype: entry.dtype == .float32 ? .float32 : .float16)
    if let list = file.metadata["rows"] {
      let folder = PathParts(path).folder
      rows = try Self.rows(inList: folder.isEmpty ? list : "\(folder)/\(list)", ofFile: path)
      return
    }
    func array<Element: Decodable>(_ name: String, _ type: Element.Type) throws -> [Element?] {
      try parsed(name) { try? JSONDecoder().decode([Element?].self, from: Data($0.utf8)) }
    }
    let names = try array("paths", String.self)
    let labels = try array("labels", String.self)
    let hasFrames = file.metadata["frames"] != nil
    let frames = hasFrames ? try array("frames", Int.self) : names.map { _ in nil }
    let seconds = hasFrames ? try array("seconds", Double.self) : names.map { _ in nil }
    guard [labels.count, frames.count, seconds.count].allSatisfy({ $0 == names.count }) else {
      throw Self.malformed(
        path, "\(names.count) labels, frames and seconds", "another number of them")
    }
    rows = names.indices.map {
      EmbeddingRow(
        path: names[$0] ?? "", label: labels[$0], frame: frames[$0], seconds: seconds[$0])
    }
  }
}
