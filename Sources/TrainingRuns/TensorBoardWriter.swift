import Files
import Foundation

/// Writes a TensorBoard event file: records of protocol buffers, each framed with its length and two
/// masked CRC-32C checksums.
///
/// Formats: `tensorflow/core/lib/io/record_writer.h`, `tensorflow/core/util/event.proto` and
/// `tensorflow/core/framework/summary.proto`.
final class TensorBoardWriter {
  let path: String
  private let descriptor: Int32

  /// Makes an event file in `folder` whose name sorts, as TensorBoard reads, after those there.
  ///
  /// - Parameter resumingAfter: the step that a resumed run goes on from, or nil for a new run.
  ///   TensorBoard forgets what earlier files say of later steps.
  /// - Throws: `FileError.diskFull`, `.failed`.
  init(folder: String, resumingAfter step: Int?, wallTime: Double) throws {
    let earlier = try DurableFile.names(in: folder).compactMap(Self.seconds(ofFile:)).max()
    let seconds = max(Int(wallTime), (earlier ?? 0) + 1)
    let digits = String(seconds)
    let host = ProcessInfo.processInfo.hostName
    let name =
      Self.prefix + String(repeating: "0", count: max(0, 10 - digits.count)) + digits
      + ".\(host).\(getpid()).0"
    path = "\(folder)/\(name)"
    descriptor = try DurableFile.open(
      path, O_WRONLY | O_CREAT | O_APPEND, operation: "write")
    try append(TensorBoardEvent.fileVersion(wallTime: wallTime))
    // A new run says that it starts, too: of the starts that TensorBoard sees, it takes the first
    // for no restart.
    let firstStep = step.map { $0 + 1 } ?? 0
    try append(TensorBoardEvent.sessionStart(atStep: firstStep, wallTime: wallTime))
  }

  deinit { close(descriptor) }

  private static let prefix = "events.out.tfevents."

  private static func seconds(ofFile name: String) -> Int? {
    guard name.hasPrefix(prefix) else { return nil }
    return Int(name.dropFirst(prefix.count).prefix { $0 != "." })
  }

  /// Adds one event.
  ///
  /// - Throws: `FileError.diskFull`, `.failed`.
  func append(_ event: [UInt8]) throws {
    try DurableFile.append(Self.record(event), to: descriptor, path)
  }

  /// Waits until the disk holds every event.
  ///
  /// - Throws: `FileError.diskFull`, `.failed`.
  func synchronize() throws { try DurableFile.synchronize(descriptor, path) }

  /// `payload` framed: its length (8 bytes), the length's checksum (4), the payload, its checksum (4).
  static func record(_ payload: [UInt8]) -> [UInt8] {
    let length = UInt64(payload.count).littleEndianBytes
    return length + maskedChecksum(of: length).littleEndianBytes + payload
      + maskedChecksum(of: payload).littleEndianBytes
  }

  /// A CRC-32C rotated and offset, because a CRC of data that holds its own CRC is weak.
  private static func maskedChecksum(of bytes: [UInt8]) -> UInt32 {
    let crc = CRC32C.checksum(of: bytes)
    return ((crc >> 15) | (crc << 17)) &+ 0xA282_EAD8
  }
}

/// The `Event` protocol buffers that a run writes.
enum TensorBoardEvent {
  /// The first event of each file.
  static func fileVersion(wallTime: Double) -> [UInt8] {
    var event = ProtocolBuffer(wallTime: wallTime, step: nil)
    event.add(3, text: "brain.Event:2")
    return event.bytes
  }

  /// `SessionLog.START` at `step`: TensorBoard forgets what it has of this step and later ones.
  static func sessionStart(atStep step: Int, wallTime: Double) -> [UInt8] {
    var session = ProtocolBuffer()
    session.add(1, integer: 1)
    var event = ProtocolBuffer(wallTime: wallTime, step: step)
    event.add(7, message: session)
    return event.bytes
  }

  static func scalars(_ metrics: [Metric], step: Int, wallTime: Double) -> [UInt8] {
    var summary = ProtocolBuffer()
    for metric in metrics {
      var value = ProtocolBuffer()
      value.add(1, text: metric.name)
      value.add(2, float: Float(metric.value))
      summary.add(1, message: value)
    }
    var event = ProtocolBuffer(wallTime: wallTime, step: step)
    event.add(5, message: summary)
    return event.bytes
  }

  static func image(
    _ name: String, png: [UInt8], width: Int, height: Int, step: Int, wallTime: Double
  ) -> [UInt8] {
    var image = ProtocolBuffer()
    image.add(1, integer: height)
    image.add(2, integer: width)
    image.add(3, integer: 3)
    image.add(4, bytes: png)
    var value = ProtocolBuffer()
    value.add(1, text: name)
    value.add(4, message: image)
    var summary = ProtocolBuffer()
    summary.add(1, message: value)
    var event = ProtocolBuffer(wallTime: wallTime, step: step)
    event.add(5, message: summary)
    return event.bytes
  }
}

/// The wire format of protocol buffers, as far as events need it.
private struct ProtocolBuffer {
  private(set) var bytes: [UInt8] = []

  init() {}

  /// The start of every `Event`: the time in seconds since 1970, and the step.
  init(wallTime: Double, step: Int?) {
    addTag(1, wireType: 1)
    bytes += wallTime.bitPattern.littleEndianBytes
    if let step { add(2, integer: step) }
  }

  mutating func add(_ field: UInt64, integer: Int) {
    addTag(field, wireType: 0)
    addVarint(UInt64(bitPattern: Int64(integer)))
  }

  mutating func add(_ field: UInt64, float: Float) {
    addTag(field, wireType: 5)
    bytes += float.bitPattern.littleEndianBytes
  }

  mutating func add(_ field: UInt64, text: String) { add(field, bytes: Array(text.utf8)) }

  mutating func add(_ field: UInt64, message: ProtocolBuffer) { add(field, bytes: message.bytes) }

  mutating func add(_ field: UInt64, bytes added: [UInt8]) {
    addTag(field, wireType: 2)
    addVarint(UInt64(added.count))
    bytes += added
  }

  private mutating func addTag(_ field: UInt64, wireType: UInt64) {
    addVarint(field << 3 | wireType)
  }

  private mutating func addVarint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }
}

extension FixedWidthInteger {
  fileprivate var littleEndianBytes: [UInt8] {
    withUnsafeBytes(of: littleEndian) { Array($0) }
  }
}
