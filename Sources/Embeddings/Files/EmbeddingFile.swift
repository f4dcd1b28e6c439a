import Files
import Foundation
import Torch

/// A file that `jepa embed` wrote, opened to be searched.
///
/// Numbers of `.npy`, `.npz` and `.safetensors` stay in the file until they are looked at.
public struct EmbeddingFile: Sendable {
  public let path: String
  /// What made it.
  public let description: EmbeddingDescription
  /// What each row is the embedding of.
  public let rows: [EmbeddingRow]
  /// float32 or float16 `[N, D]`, or `[N, patches, D]`; not to be written to.
  public let values: Tensor

  /// Opens a file.
  ///
  /// - Throws: `EmbeddingError.foreignEmbeddings` for a file that does not say what made it,
  ///   `.malformedEmbeddings` for one that is damaged, `.unknownFormat`; `FileError`, `SafetensorsError`.
  public init(path: String) throws {
    let format = try EmbeddingFormat(path: path)
    let paths = EmbeddingPaths(output: path)
    let contents: Contents
    switch format {
    case .npy: contents = try Contents(npy: paths)
    case .npz: contents = try Contents(npz: paths.output)
    case .safetensors: contents = try Contents(safetensors: paths)
    case .csv: contents = try Contents(csv: paths)
    case .jsonl: contents = try Contents(jsonl: paths)
    case .faiss: contents = try Contents(faiss: paths)
    case .projector:
      throw EmbeddingError.malformedEmbeddings(
        path: path, expected: "a .npy, .npz, .safetensors, .csv, .jsonl or .faiss file",
        found: "a folder or a file without an ending")
    }
    func require(_ holds: Bool, _ expected: String, _ found: String) throws {
      guard holds else {
        throw EmbeddingError.malformedEmbeddings(path: path, expected: expected, found: found)
      }
    }
    let description = contents.description
    try require(
      contents.values.shape == description.shape
        && contents.values.dtype == description.dtype.tensorType,
      "\(description.dtype.rawValue) of shape \(description.shape), as it is described",
      "\(contents.values.dtype) of shape \(contents.values.shape)")
    try require(
      contents.rows.count == description.shape[0],
      "\(description.shape[0]) rows, as it is described", "a list of \(contents.rows.count)")
    self.path = path
    self.description = description
    rows = contents.rows
    values = contents.values
  }

  /// float32 `[N, D]`.
  ///
  /// - Throws: `EmbeddingError.malformedEmbeddings` for embeddings without pooling.
  func matrix() throws -> Tensor {
    guard description.shape.count == 2 else {
      throw EmbeddingError.malformedEmbeddings(
        path: path, expected: "one embedding a row, [N, D]",
        found: "\(description.shape), embedded with --pool none")
    }
    return values.to(.float32)
  }
}

/// What a file holds, before the parts are compared.
private struct Contents {
  let description: EmbeddingDescription
  let rows: [EmbeddingRow]
  let values: Tensor

  // MARK: npy

  init(npy paths: EmbeddingPaths) throws {
    let file = try MappedFile(path: paths.output)
    values = try Self.array(file, in: 0..<file.bytes.count)
    description = try Self.description(beside: paths)
    rows = try Self.rows(inList: paths.rows, ofFile: paths.output)
  }

  /// The floating-point array of a NumPy file in a range of a file.
  private static func array(_ file: MappedFile, in range: Range<Int>) throws -> Tensor {
    let (header, data) = try header(file, in: range)
    guard let dtype = EmbeddingDType(numpyType: header.type), header.shape.count >= 2 else {
      throw malformed(
        file.path, "an array of '<f4' or '<f2', [N, D]", "'\(header.type)' \(header.shape)")
    }
    guard data.lowerBound.isMultiple(of: dtype.tensorType.byteCount) else {
      throw malformed(file.path, "aligned numbers", "offset \(data.lowerBound)")
    }
    return file.tensor(in: data, shape: header.shape, dtype: dtype)
  }

  /// The header of a NumPy array, and where its numbers are: exactly as many as it announces.
  private static func header(
    _ file: MappedFile, in range: Range<Int>
  ) throws -> (NPYHeader, data: Range<Int>) {
    let header: NPYHeader
    let length: Int
    do throws(NotNumPy) {
      (header, length) = try NPYHeader.parse(UnsafeRawBufferPointer(rebasing: file.bytes[range]))
    } catch {
      throw malformed(file.path, error.expected, error.found)
    }
    let data = range.lowerBound + length..<range.upperBound
    guard let expected = header.dataByteCount, expected == data.count else {
      throw malformed(
        file.path, "'\(header.type)' numbers of shape \(header.shape)",
        "\(data.count) bytes of them")
    }
    return (header, data)
  }

  // MARK: faiss

  init(faiss paths: EmbeddingPaths) throws {
    let file = try MappedFile(path: paths.output)
    guard let header = FAISSHeader(file.bytes) else {
      throw Self.malformed(
        paths.output, "a flat index of FAISS, whole, by product or distance", "another file")
    }
    // Behind a header of 45 bytes no number is where a processor wants it.
    values = Tensor.empty([header.count, header.width])
    values.withUnsafeMutableBytes {
      $0.copyMemory(from: UnsafeRawBufferPointer(rebasing: file.bytes[FAISSHeader.byteCount...]))
    }
    description = try Self.description(beside: paths)
    rows = try Self.rows(inList: paths.rows, ofFile: paths.output)
  }

  /// The description in a file beside another.
  private static func description(beside paths: EmbeddingPaths) throws -> EmbeddingDescription {
    guard FileManager.default.fileExists(atPath: paths.description) else {
      throw EmbeddingError.foreignEmbeddings(path: paths.output, missing: paths.description)
    }
    return try JSONFile.read(EmbeddingDescription.self, from: paths.description)
  }

  private static func rows(inList path: String, ofFile file: String) throws -> [EmbeddingRow] {
    guard FileManager.default.fileExists(atPath: path) else {
      throw EmbeddingError.foreignEmbeddings(path: file, missing: path)
    }
    var records = try DelimitedRecords(path: path)
    guard let names = try records.read(), names == DelimitedText.rowFields else {
      throw malformed(
        path, "a first line \(DelimitedText.rowFields.joined(separator: ","))", "another")
    }
    var rows: [EmbeddingRow] = []
    while let fields = try records.read() {
      guard let row = DelimitedText.row(fields[...], number: rows.count) else {
        throw malformed(path, "row \(rows.count)", fields.joined(separator: ","))
      }
      rows.append(row)
    }
    return rows
  }

  private static func malformed(
    _ path: String, _ expected: String, _ found: String
  ) -> EmbeddingError {
    .malformedEmbeddings(path: path, expected: expected, found: found)
  }

  // MARK: npz

  init(npz path: String) throws {
    let file = try MappedFile(path: path)
    guard let members = StoredZip.members(of: file.bytes) else {
      throw Self.malformed(path, "a whole .npz file that is not compressed", "another")
    }
    func range(_ name: String) throws -> Range<Int> {
      guard let member = members.first(where: { $0.name == name + ".npy" }) else {
        throw EmbeddingError.foreignEmbeddings(path: path, missing: "an array called \(name)")
      }
      var checksum = CRC32()
      checksum.add(UnsafeRawBufferPointer(rebasing: file.bytes[member.range]))
      guard checksum.value == member.checksum else {
        throw Self.malformed(
          path, "\(name) with the CRC-32 \(member.checksum)", "\(checksum.value): it is damaged")
      }
      return member.range
    }
    func texts(_ name: String) throws -> [String] {
      let (header, data) = try Self.header(file, in: try range(name))
      guard header.type.hasPrefix("<U"), let size = header.elementByteCount else {
        throw Self.malformed(path, "\(name) as text", "'\(header.type)'")
      }
      return stride(from: data.lowerBound, to: data.upperBound, by: size).map { start in
        let characters = stride(from: start, to: start + size, by: 4).lazy
          .map { file.bytes.loadUnaligned(fromByteOffset: $0, as: UInt32.self) }
          .prefix { $0 != 0 }
        return String(String.UnicodeScalarView(characters.map { Unicode.Scalar($0) ?? "\u{FFFD}" }))
      }
    }
    func numbers<Number: BitwiseCopyable>(
      _ name: String, _ type: String, _ element: Number.Type
    ) throws -> [Number]? {
      guard members.contains(where: { $0.name == name + ".npy" }) else { return nil }
      let (header, data) = try Self.header(file, in: try range(name))
      guard header.type == type else {
        throw Self.malformed(path, "\(name) as '\(type)'", header.type)
      }
      return stride(from: data.lowerBound, to: data.upperBound, by: MemoryLayout<Number>.size).map {
        file.bytes.loadUnaligned(fromByteOffset: $0, as: Number.self)
      }
    }
    guard let text = try texts("description").first,
      let found = try? JSONDecoder().decode(EmbeddingDescription.self, from: Data(text.utf8))
    else { throw EmbeddingError.foreignEmbeddings(path: path, missing: "a description") }
    description = found
    values = try Self.array(file, in: try range("embeddings"))
    let (paths, labels) = (try texts("paths"), try texts("labels"))
    let frames = try numbers("frames", "<i8", Int64.self)
    let seconds = try numbers("seconds", "<f8", Double.self)
    let counts = [labels.count, frames?.count ?? paths.count, seconds?.count ?? paths.count]
    guard counts.allSatisfy({ $0 == paths.count }) else {
      throw Self.malformed(
        path, "as many labels, frames and seconds as \(paths.count) paths", "\(counts)")
    }
    rows = paths.indices.map { index in
      EmbeddingRow(
        path: paths[index], label: labels[index].isEmpty ? nil : labels[index],
        frame: frames.flatMap { $0[index] < 0 ? nil : Int($0[index]) },
        seconds: seconds.flatMap { $0[index].isNaN ? nil : $0[index] })
    }
  }

  // MARK: safetensors

  init(safetensors paths: EmbeddingPaths) throws {
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

  // MARK: Text

  init(csv paths: EmbeddingPaths) throws {
    let path = paths.output
    description = try Self.description(beside: paths)
    guard description.shape.count == 2 else {
      throw Self.malformed(path, "one embedding a row", "\(description.shape)")
    }
    let width = description.shape[1]
    var records = try DelimitedRecords(path: path)
    let known = DelimitedText.rowFields.count
    guard let names = try records.read(), names.starts(with: DelimitedText.rowFields),
      names.count == known + width
    else { throw Self.malformed(path, "a first line of \(known + width) names", "another") }
    var (rows, numbers): ([EmbeddingRow], [Float]) = ([], [])
    while let fields = try records.read() {
      let found = fields.dropFirst(known).compactMap { Float($0) }
      guard fields.count == known + width, found.count == width,
        let row = DelimitedText.row(fields[..<known], number: rows.count)
      else { throw Self.malformed(path, "row \(rows.count) with \(width) numbers", "another line") }
      rows.append(row)
      numbers += found
    }
    self.rows = rows
    values = Tensor(numbers, shape: [rows.count, width]).to(description.dtype.tensorType)
  }

  init(jsonl paths: EmbeddingPaths) throws {
    struct Line: Decodable {
      let row: Int
      let path: String
      let label: String?
      let frame: Int?
      let seconds: Double?
      let embedding: [Float]
    }
    let path = paths.output
    description = try Self.description(beside: paths)
    guard description.shape.count == 2 else {
      throw Self.malformed(path, "one embedding a row", "\(description.shape)")
    }
    let lines = try TextLines(path: path)
    let decoder = JSONDecoder()
    var (rows, numbers): ([EmbeddingRow], [Float]) = ([], [])
    while let bytes = lines.next() {
      guard let line = try? decoder.decode(Line.self, from: Data(bytes)), line.row == rows.count,
        line.embedding.count == description.shape[1]
      else {
        throw Self.malformed(
          path, "row \(rows.count) with \(description.shape[1]) numbers", "another line")
      }
      rows.append(
        EmbeddingRow(
          path: line.path, label: line.label, frame: line.frame, seconds: line.seconds))
      numbers += line.embedding
    }
    self.rows = rows
    values = Tensor(numbers, shape: [rows.count, description.shape[1]])
      .to(description.dtype.tensorType)
  }
}

extension EmbeddingFile {
  /// The file and those beside it that may be read with it.
  public static func files(of path: String) -> [String] {
    let paths = EmbeddingPaths(output: path)
    return [paths.output, paths.rows, paths.description]
  }
}
