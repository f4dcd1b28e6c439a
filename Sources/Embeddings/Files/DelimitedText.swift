import Files
import Foundation

/// Fields separated by commas, quoted where they must be: RFC 4180.
package enum DelimitedText {
  /// A field as it is, or in quotes with those inside doubled where it would not be one field.
  package static func quoted(_ field: String) -> String {
    let needsQuotes = field.unicodeScalars.contains {
      $0 == "," || $0 == "\"" || $0 == "\r" || $0 == "\n"
    }
    guard needsQuotes else { return field }
    return "\"" + field.replacingOccurrences(of: "\"", with: "\"\"") + "\""
  }

  package static let rowFields = ["row", "path", "label", "frame", "seconds"]

  /// `row,path,label,frame,seconds`, without the line's end.
  package static func line(_ row: EmbeddingRow, number: Int) -> String {
    "\(number),\(quoted(row.path)),\(quoted(row.label ?? "")),"
      + "\(row.frame.map(String.init) ?? ""),\(row.seconds.map { "\($0)" } ?? "")"
  }

  /// What `line` wrote, from its fields; nil where they are no row with this number.
  package static func row(_ fields: ArraySlice<String>, number: Int) -> EmbeddingRow? {
    let fields = Array(fields)
    guard fields.count == rowFields.count, fields[0] == String(number) else { return nil }
    let (frame, seconds) = (Int(fields[3]), Double(fields[4]))
    guard fields[3].isEmpty || frame != nil, fields[4].isEmpty || seconds != nil else {
      return nil
    }
    return EmbeddingRow(
      path: fields[1], label: fields[2].isEmpty ? nil : fields[2], frame: frame, seconds: seconds)
  }
}

/// Reads the records of a file of delimited text one after the other, whatever its size.
struct DelimitedRecords {
  private let descriptor: Descriptor
  private var buffer: [UInt8] = []
  private var next = 0
  private var isAtEnd = false
  private var justClosedQuotes = false

  /// Closes the file when the last copy goes.
  private final class Descriptor {
    let path: String
    let number: Int32

    init(_ path: String) throws(FileError) {
      self.path = path
      number = open(path, O_RDONLY | O_CLOEXEC)
      guard number >= 0 else {
        throw .failure(errno, operation: "read", path)
      }
    }

    deinit { close(number) }
  }

  /// - Throws: `FileError.failed`.
  init(path: String) throws(FileError) { descriptor = try Descriptor(path) }

  /// The fields of the next record; nil at the end.
  ///
  /// - Throws: `FileError.failed`.
  mutating func read() throws(FileError) -> [String]? {
    justClosedQuotes = false
    guard var byte = try nextByte() else { return nil }
    var fields: [String] = []
    var field: [UInt8] = []
    var isQuoted = false
    while true {
      if isQuoted {
        if byte == UInt8(ascii: "\"") {
          isQuoted = false
        } else {
          field.append(byte)
        }
      } else {
        switch byte {
        case UInt8(ascii: "\""):
          // A quote after a closing one was doubled inside the field.
          if justClosedQuotes { field.append(byte) }
          isQuoted = true
        case UInt8(ascii: ","):
          fields.append(String(decoding: field, as: UTF8.self))
          field.removeAll(keepingCapacity: true)
        case UInt8(ascii: "\n"):
          if field.last == UInt8(ascii: "\r"), !justClosedQuotes { field.removeLast() }
          fields.append(String(decoding: field, as: UTF8.self))
          return fields
        default: field.append(byte)
        }
      }
      justClosedQuotes = byte == UInt8(ascii: "\"") && !isQuoted
      guard let following = try nextByte() else {
        fields.append(String(decoding: field, as: UTF8.self))
        return fields
      }
      byte = following
    }
  }

  private mutating func nextByte() throws(FileError) -> UInt8? {
    if next == buffer.count {
      guard !isAtEnd else { return nil }
      try fill()
      if isAtEnd { return nil }
    }
    next += 1
    return buffer[next - 1]
  }

  private mutating func fill() throws(FileError) {
    if buffer.isEmpty { buffer = Array(repeating: 0, count: 1 << 16) }
    var count = -1
    repeat {
      count = Foundation.read(descriptor.number, &buffer, 1 << 16)
    } while count < 0
      && errno == EINTR
    guard count >= 0 else {
      throw .failure(errno, operation: "read", descriptor.path)
    }
    if count < buffer.count { buffer.removeLast(buffer.count - count) }
    next = 0
    isAtEnd = count == 0
  }
}
