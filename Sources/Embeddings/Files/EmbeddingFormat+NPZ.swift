import Files
import Foundation
import Torch

extension EmbeddingFormat {
  /// NumPy's archive of arrays: numbers, paths, labels and the description.
  public static let npz = EmbeddingFormat(
    ending: "npz", holdsTokens: true, files: { [$0.main(.embeddings)] },
    writer: { export, paths, _, _ in try NPZWriter(export, paths: paths) },
    read: { try EmbeddingContents(npz: $0.output) })
}

private struct NPZWriter: ArrayPartsWriter {
  private let export: UnfinishedExport
  private let paths: EmbeddingPaths
  let parts: ArrayParts

  init(_ export: UnfinishedExport, paths: EmbeddingPaths) throws {
    self.export = export
    self.paths = paths
    parts = try ArrayParts(export)
  }

  func finish(_ description: EmbeddingDescription) throws -> [UnfinishedExport.Publication] {
    let file = try export.assembled("archive")
    var zip = StoredZipWriter(file)
    try Self.add("embeddings", NPYHeader(description), to: &zip) { sink in
      try parts.numbers.read(sink)
    }
    var (longestPath, longestLabel, hasFrames) = (1, 1, false)
    try parts.forEachRow { row in
      longestPath = max(longestPath, row.path.unicodeScalars.count)
      longestLabel = max(longestLabel, row.label?.unicodeScalars.count ?? 0)
      hasFrames = hasFrames || row.frame != nil
    }
    let count = description.shape[0]
    try Self.add("paths", NPYHeader(type: "<U\(longestPath)", shape: [count]), to: &zip) { sink in
      try parts.forEachRow { try Self.put($0.path, length: longestPath, into: sink) }
    }
    try Self.add("labels", NPYHeader(type: "<U\(longestLabel)", shape: [count]), to: &zip) { sink in
      try parts.forEachRow { try Self.put($0.label ?? "", length: longestLabel, into: sink) }
    }
    if hasFrames {
      try Self.add("frames", NPYHeader(type: "<i8", shape: [count]), to: &zip) { sink in
        try parts.forEachRow { row in
          try withUnsafeBytes(of: Int64(row.frame ?? -1)) { try sink($0) }
        }
      }
      try Self.add("seconds", NPYHeader(type: "<f8", shape: [count]), to: &zip) { sink in
        try parts.forEachRow { row in
          try withUnsafeBytes(of: row.seconds ?? .nan) { try sink($0) }
        }
      }
    }
    let about = try description.json()
    let length = about.unicodeScalars.count
    try Self.add("description", NPYHeader(type: "<U\(length)", shape: []), to: &zip) { sink in
      try Self.put(about, length: length, into: sink)
    }
    try zip.finish()
    return [.init(part: file.name, path: paths.output)]
  }

  private static func add(
    _ name: String, _ header: NPYHeader, to zip: inout StoredZipWriter,
    _ body: ((UnsafeRawBufferPointer) throws -> Void) throws -> Void
  ) throws {
    try zip.add(
      name + ".npy", beginning: header.bytes, byteCount: header.dataByteCount!, body)
  }

  /// Text as NumPy keeps it: `length` characters of four bytes, zeros after the last.
  private static func put(
    _ text: String, length: Int, into sink: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    var characters = text.unicodeScalars.map(\.value)
    characters += repeatElement(0, count: length - characters.count)
    try characters.withUnsafeBytes { try sink($0) }
  }
}

extension EmbeddingContents {
  fileprivate init(npz path: String) throws {
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
}
