import Foundation

/// Writes a safetensors file: first what each tensor is, then their bytes one after the other.
///
/// The file appears under its name only when it is complete and on the disk: the bytes go to a
/// temporary file in the same folder, which is synchronized and then renamed. The same tensors
/// and metadata make the same bytes every time, and the reference implementation's bytes.
public struct SafetensorsWriter: Sendable {
  /// A tensor to be written.
  public struct Tensor: Equatable, Sendable {
    /// The tensor's name, unique in the file and not `__metadata__`.
    public let name: String
    /// The element type.
    public let dtype: SafetensorsDType
    /// The dimensions, row-major; empty for a scalar.
    public let shape: [Int]

    /// Describes a tensor; its bytes are asked for later.
    public init(name: String, dtype: SafetensorsDType, shape: [Int]) {
      self.name = name
      self.dtype = dtype
      self.shape = shape
    }
  }

  /// Takes some of a tensor's bytes; called as often as needed.
  public typealias Sink = (UnsafeRawBufferPointer) throws -> Void

  /// Where the file will be.
  public let path: String
  /// The tensors in the order in which their bytes stand: the largest element type first (which
  /// keeps every tensor aligned), then by name.
  public let tensors: [Tensor]

  private let byteCounts: [Int]
  private let header: [UInt8]

  /// Lays out a file; nothing is written yet.
  ///
  /// - Parameters:
  ///   - path: The file's path. Its folder must exist; a file in its place is replaced.
  ///   - tensors: The tensors, in any order.
  ///   - metadata: Text that travels with the file, for instance what made it.
  /// - Throws: `SafetensorsError.unusableName`, `.shapeOverflow`, `.headerTooLarge`.
  public init(
    path: String, tensors: [Tensor], metadata: [String: String] = [:]
  ) throws(SafetensorsError) {
    let tensors = tensors.sorted { left, right in
      left.dtype == right.dtype
        ? left.name.utf8.lexicographicallyPrecedes(right.name.utf8) : left.dtype > right.dtype
    }
    var names: Set<String> = [SafetensorsHeaderParser.metadataKey]
    var byteCounts: [Int] = []
    var members: [String] = []
    if !metadata.isEmpty {
      let pairs = metadata.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
      let texts = pairs.map { "\(Self.quoted($0.key)):\(Self.quoted($0.value))" }
      members.append(
        "\(Self.quoted(SafetensorsHeaderParser.metadataKey)):{\(texts.joined(separator: ","))}")
    }
    var offset = 0
    for tensor in tensors {
      guard names.insert(tensor.name).inserted else {
        throw .unusableName(path: path, tensor: tensor.name)
      }
      guard let byteCount = tensor.dtype.byteCount(ofShape: tensor.shape),
        tensor.shape.count <= SafetensorsHeaderParser.maximumRank,
        case (let end, let overflow) = offset.addingReportingOverflow(byteCount), !overflow
      else { throw .shapeOverflow(path: path, tensor: tensor.name, shape: tensor.shape) }
      let shape = tensor.shape.map(String.init).joined(separator: ",")
      members.append(
        "\(Self.quoted(tensor.name)):{\"dtype\":\"\(tensor.dtype.rawValue)\",\"shape\":[\(shape)],"
          + "\"data_offsets\":[\(offset),\(end)]}")
      byteCounts.append(byteCount)
      offset = end
    }
    var header = Array("{\(members.joined(separator: ","))}".utf8)
    header.append(
      contentsOf: repeatElement(UInt8(ascii: " "), count: (8 - header.count % 8) % 8))
    guard header.count <= SafetensorsFile.maximumHeaderByteCount else {
      throw .headerTooLarge(
        path: path, limit: SafetensorsFile.maximumHeaderByteCount, found: UInt64(header.count))
    }
    self.path = path
    self.tensors = tensors
    self.byteCounts = byteCounts
    self.header = header
  }

  /// Writes the file, asking for the bytes of one tensor at a time.
  ///
  /// - Parameter bytes: Called once for each tensor in the order of `tensors`; hands the tensor's
  ///   bytes (little-endian, row-major) to the sink, whole or in pieces.
  /// - Throws: `SafetensorsError.system` when the disk is full or the folder is not writable,
  ///   `.wrongByteCount` when too few or too many bytes are given, or what `bytes` throws. The
  ///   file that stood at `path` before is then untouched.
  public func write(bytes: (Tensor, Sink) throws -> Void) throws {
    let file = try TemporaryFile(for: path)
    do {
      try withUnsafeBytes(of: UInt64(header.count).littleEndian) { try file.append($0) }
      try header.withUnsafeBytes { try file.append($0) }
      for (tensor, expected) in zip(tensors, byteCounts) {
        var found = 0
        try bytes(tensor) { piece in
          found += piece.count
          guard found <= expected else {
            throw SafetensorsError.wrongByteCount(
              path: path, tensor: tensor.name, expected: expected, found: found)
          }
          try file.append(piece)
        }
        guard found == expected else {
          throw SafetensorsError.wrongByteCount(
            path: path, tensor: tensor.name, expected: expected, found: found)
        }
      }
      try file.publish()
    } catch {
      file.discard()
      throw error
    }
  }

  /// A JSON string, escaped as the reference implementation escapes it.
  private static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\u{8}": result += "\\b"
      case "\u{C}": result += "\\f"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case _ where scalar.value < 0x20:
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}

/// A file that takes its real name only when it is complete.
private struct TemporaryFile {
  private static let greatestPiece = 1 << 30

  private let path: String
  private let temporaryPath: String
  private let descriptor: Int32

  init(for path: String) throws(SafetensorsError) {
    self.path = path
    temporaryPath = "\(path).\(String(UInt64.random(in: 0...(.max)), radix: 36)).tmp"
    // 0o666 leaves the permissions to the user's umask, as for any other file.
    descriptor = open(temporaryPath, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw failed("create") }
  }

  func append(_ bytes: UnsafeRawBufferPointer) throws(SafetensorsError) {
    var rest = bytes[...]
    while !rest.isEmpty {
      // Systems refuse or cut single writes of 2 GB and more.
      let piece = UnsafeRawBufferPointer(rebasing: rest.prefix(Self.greatestPiece))
      let written = write(descriptor, piece.baseAddress, piece.count)
      if written < 0 {
        if errno == EINTR { continue }
        throw failed("write")
      }
      rest = rest.dropFirst(written)
    }
  }

  /// Puts the bytes on the disk, then gives the file its name, then puts the name on the disk.
  func publish() throws(SafetensorsError) {
    guard fsync(descriptor) == 0 else { throw failed("synchronize") }
    guard rename(temporaryPath, path) == 0 else { throw failed("rename") }
    close(descriptor)
    let folder = open(URL(fileURLWithPath: path).deletingLastPathComponent().path, O_RDONLY)
    guard folder >= 0 else { return }
    // Some file systems cannot synchronize a folder; the file itself is safe by now.
    fsync(folder)
    close(folder)
  }

  func discard() {
    close(descriptor)
    unlink(temporaryPath)
  }

  private func failed(_ operation: String) -> SafetensorsError {
    .system(path: path, operation: operation, errorNumber: errno)
  }
}
