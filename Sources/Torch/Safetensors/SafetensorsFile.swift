import Foundation

/// Where a tensor lies in a safetensors file, and what it is.
public struct SafetensorsEntry: Equatable, Sendable {
  /// The tensor's name, unique in the file.
  public let name: String
  /// The element type.
  public let dtype: SafetensorsDType
  /// The dimensions, row-major; empty for a scalar.
  public let shape: [Int]
  /// The tensor's bytes, counted from the start of the file.
  public let byteRange: Range<Int>

  /// Whether the elements may be read in place: the format asks for no alignment, and a header
  /// of odd length shifts every tensor after it.
  public var isAligned: Bool { byteRange.lowerBound.isMultiple(of: dtype.byteCount) }
}

/// A safetensors file, memory-mapped for reading: opening it reads the header alone.
///
/// The layout is: the header's length as eight little-endian bytes, the header (a JSON object),
/// the tensors' bytes one after the other. The file is not trusted: every length, offset and
/// shape is checked before the first tensor can be read, and whatever is wrong is thrown.
///
/// A file must not be shortened in place while it is open, which no map can survive;
/// `SafetensorsWriter` replaces files by renaming and so never does that.
///
/// Reference: the format's description in the `huggingface/safetensors` repository.
public final class SafetensorsFile: Sendable {
  /// The greatest header that is read, as in the reference implementation.
  public static let maximumHeaderByteCount = 100_000_000

  /// The path that was opened.
  public let path: String
  /// Every tensor, in the order of their bytes.
  public let entries: [SafetensorsEntry]
  /// The header's `__metadata__`; empty when it has none.
  public let metadata: [String: String]

  // Never written after `init`, and the pages are read-only.
  private nonisolated(unsafe) let map: UnsafeRawBufferPointer
  private let positions: [String: Int]

  /// Maps the file and checks its header.
  ///
  /// - Throws: `SafetensorsError`, naming the file and, where there is one, the tensor.
  public init(path: String) throws(SafetensorsError) {
    let map = try Self.mapFile(path)
    do {
      (entries, metadata) = try Self.readHeader(map, path: path)
    } catch {
      munmap(UnsafeMutableRawPointer(mutating: map.baseAddress), map.count)
      throw error
    }
    self.path = path
    self.map = map
    positions = Dictionary(
      uniqueKeysWithValues: entries.enumerated().map { ($1.name, $0) })
  }

  deinit { munmap(UnsafeMutableRawPointer(mutating: map.baseAddress), map.count) }

  /// The names of all tensors, in the order of their bytes.
  public var names: [String] { entries.map(\.name) }

  /// What the file says of one tensor.
  ///
  /// - Throws: `SafetensorsError.missingTensor`.
  public func entry(_ name: String) throws(SafetensorsError) -> SafetensorsEntry {
    guard let position = positions[name] else { throw .missingTensor(path: path, tensor: name) }
    return entries[position]
  }

  /// Calls `body` with the bytes of one tensor: little-endian, row-major, not copied.
  ///
  /// The buffer is valid during the call only, and may be unaligned (`SafetensorsEntry.isAligned`). Its pages
  /// are let go of afterwards: reading every tensor of a file does not make the process as large as the file.
  ///
  /// - Throws: `SafetensorsError.missingTensor`, or what `body` throws.
  public func withBytes<Result>(
    of name: String, _ body: (UnsafeRawBufferPointer) throws -> Result
  ) throws -> Result {
    let range = try entry(name).byteRange
    return try withExtendedLifetime(self) {
      defer { release(range) }
      return try body(UnsafeRawBufferPointer(rebasing: map[range]))
    }
  }

  /// Lets go of the whole pages in a range; they come back from the file when they are read again.
  private func release(_ range: Range<Int>) {
    let page = Int(getpagesize())
    let (first, end) = ((range.lowerBound + page - 1) / page * page, range.upperBound / page * page)
    guard first < end, let base = map.baseAddress else { return }
    madvise(UnsafeMutableRawPointer(mutating: base + first), end - first, MADV_DONTNEED)
  }
}

// MARK: - Opening

extension SafetensorsFile {
  private static let lengthByteCount = 8
  /// How the files begin that Git LFS keeps in place of large ones.
  private static let pointerMark = Array("version https://git-lfs".utf8)

  private static func mapFile(_ path: String) throws(SafetensorsError) -> UnsafeRawBufferPointer {
    func failed(_ operation: String) -> SafetensorsError {
      .system(path: path, operation: operation, errorNumber: errno)
    }
    // Not blocking: opening a pipe for reading would wait for a writer.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw failed("open") }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw failed("examine") }
    guard status.st_mode & S_IFMT == S_IFREG else { throw .notARegularFile(path: path) }
    let count = Int(status.st_size)
    guard count >= lengthByteCount else {
      throw .truncated(path: path, expectedBytes: lengthByteCount, foundBytes: count)
    }
    guard let address = mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0),
      address != MAP_FAILED
    else { throw failed("map into memory") }
    return UnsafeRawBufferPointer(start: address, count: count)
  }

  /// Checks a whole file and says where its tensors are; reads the header alone.
  static func readHeader(
    _ map: UnsafeRawBufferPointer, path: String
  ) throws(SafetensorsError) -> (entries: [SafetensorsEntry], metadata: [String: String]) {
    guard !map.starts(with: Self.pointerMark) else { throw .notFetched(path: path) }
    let length = UInt64(littleEndian: map.loadUnaligned(as: UInt64.self))
    guard length <= UInt64(maximumHeaderByteCount) else {
      throw .headerTooLarge(path: path, limit: maximumHeaderByteCount, found: length)
    }
    let dataStart = lengthByteCount + Int(length)
    guard dataStart <= map.count else {
      throw .truncated(path: path, expectedBytes: dataStart, foundBytes: map.count)
    }
    let header = try SafetensorsHeaderParser.parse(
      UnsafeRawBufferPointer(rebasing: map[lengthByteCount..<dataStart]), path: path)
    let entries = try place(
      header.entries, dataStart: dataStart, fileByteCount: map.count, path: path)
    return (entries, header.metadata)
  }

  /// Checks that the tensors fill the rest of the file exactly, in the order of their bytes.
  private static func place(
    _ announced: [SafetensorsHeaderEntry], dataStart: Int, fileByteCount: Int, path: String
  ) throws(SafetensorsError) -> [SafetensorsEntry] {
    // The sort is stable, so tensors without elements keep the header's order.
    let ordered = announced.sorted { ($0.begin, $0.end) < ($1.begin, $1.end) }
    let dataByteCount = fileByteCount - dataStart
    var entries: [SafetensorsEntry] = []
    entries.reserveCapacity(ordered.count)
    var position = 0
    for tensor in ordered {
      guard let dtype = SafetensorsDType(rawValue: tensor.dtype) else {
        throw .unsupportedDType(path: path, tensor: tensor.name, found: tensor.dtype)
      }
      guard let byteCount = dtype.byteCount(ofShape: tensor.shape) else {
        throw .shapeOverflow(path: path, tensor: tensor.name, shape: tensor.shape)
      }
      // Both are non-negative, so the difference cannot overflow.
      guard tensor.end - tensor.begin == byteCount else {
        throw .wrongByteCount(
          path: path, tensor: tensor.name, expected: byteCount, found: tensor.end - tensor.begin)
      }
      guard tensor.begin == position else {
        throw .misplacedBytes(
          path: path, tensor: tensor.name, expectedOffset: position, foundOffset: tensor.begin)
      }
      guard tensor.end <= dataByteCount else {
        throw .truncated(
          path: path, expectedBytes: dataStart + min(tensor.end, .max - dataStart),
          foundBytes: fileByteCount)
      }
      position = tensor.end
      entries.append(
        SafetensorsEntry(
          name: tensor.name, dtype: dtype, shape: tensor.shape,
          byteRange: dataStart + tensor.begin..<dataStart + tensor.end))
    }
    guard position == dataByteCount else {
      throw .unusedBytes(
        path: path, expectedBytes: dataStart + position, foundBytes: fileByteCount)
    }
    return entries
  }
}
