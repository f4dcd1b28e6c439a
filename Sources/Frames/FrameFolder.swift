import Files
import Foundation
import Pictures

/// The pictures of one folder in the natural order of their names, taken as frames.
///
/// Runs of digits count as numbers, so that `frame2.png` comes before `frame10.png`. Pictures are
/// recognised by their first bytes or their endings; subfolders, hidden files and other files are left out.
public struct FrameFolder: Sendable {
  /// The folder as it was given.
  public let path: String
  /// The names of the pictures, in order.
  public let names: [String]
  /// Frame numbers without a file: the frame before which they are missing, and how many.
  public let missingNumbers: [(index: Int, first: Int, count: Int)]

  /// - Throws: `FrameError.unreadable`, or `.noPictures` where there is not one.
  public init(_ path: String) throws(FrameError) {
    self.path = path
    let entries: [String]
    do {
      entries = try FileManager.default.contentsOfDirectory(atPath: path)
    } catch {
      throw .unreadable(path: path, reason: "the folder cannot be listed")
    }
    var pictures: [(name: String, key: [NaturalOrder.Part])] = []
    var (files, videos) = (0, 0)
    for name in entries where !name.hasPrefix(".") {
      let file = "\(path)/\(name)"
      var status = stat()
      guard stat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { continue }
      files += 1
      // What is named like a frame and is none is told of when its turn comes.
      if PictureFormat.isNamedLikeOne(name) || (try? FrameInput.isPicture(file)) ?? true {
        pictures.append((name, NaturalOrder.parts(of: name)))
      } else if Self.isNamedLikeAVideo(name) {
        videos += 1
      }
    }
    guard !pictures.isEmpty else {
      throw .noPictures(path: path, files: files, videos: videos)
    }
    pictures.sort { NaturalOrder.precedes(($0.key, $0.name), ($1.key, $1.name)) }
    names = pictures.map(\.name)
    missingNumbers = Self.missingNumbers(pictures.map(\.key))
  }

  private static let videoExtensions: Set<String> = [
    "avi", "flv", "gif", "m2ts", "m4v", "mkv", "mov", "mp4", "mpeg", "mpg", "mts", "mxf", "nut",
    "ogv", "ts", "webm", "wmv", "y4m",
  ]

  /// Whether a file's ending is that of a video.
  package static func isNamedLikeAVideo(_ path: String) -> Bool {
    videoExtensions.contains(PathParts(path).ending.lowercased())
  }

  /// Where the numbers jump. Only names that differ in one number have numbers to miss, and numbers
  /// that always rise by the same step miss none.
  private static func missingNumbers(
    _ keys: [[NaturalOrder.Part]]
  ) -> [(index: Int, first: Int, count: Int)] {
    guard keys.count > 2, let place = commonPlace(of: keys) else { return [] }
    let numbers = keys.map { $0[place].number }
    var steps: [Int: Int] = [:]
    for (number, next) in zip(numbers, numbers.dropFirst()) {
      steps[next - number, default: 0] += 1
    }
    let usual = steps.max { ($0.value, -$0.key) < ($1.value, -$1.key) }!.key
    guard usual > 0 else { return [] }
    return zip(numbers, numbers.dropFirst()).enumerated().compactMap { index, pair in
      let missing = (pair.1 - pair.0) / usual - 1
      return missing > 0 ? (index + 1, pair.0 + usual, missing) : nil
    }
  }

  /// The one part in which all names differ, where it is a number.
  private static func commonPlace(of keys: [[NaturalOrder.Part]]) -> Int? {
    let first = keys[0]
    var place: Int?
    for key in keys.dropFirst() {
      guard key.count == first.count else { return nil }
      for part in key.indices where key[part] != first[part] {
        guard key[part].isNumber, first[part].isNumber, place == nil || place == part else {
          return nil
        }
        place = part
      }
    }
    return place
  }
}

/// Compares names so that runs of digits count as numbers.
enum NaturalOrder {
  /// A run of digits, or a run of anything else.
  struct Part: Equatable, Sendable {
    let isNumber: Bool
    /// The bytes; of a number, without leading zeros.
    let bytes: [UInt8]

    /// The number's value, cut at the largest integer.
    var number: Int { Int(String(decoding: bytes, as: UTF8.self)) ?? (bytes.isEmpty ? 0 : .max) }
  }

  static func parts(of name: String) -> [Part] {
    var parts: [Part] = []
    var rest = Array(name.utf8)[...]
    func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
    while let head = rest.first {
      let run = rest.prefix { isDigit($0) == isDigit(head) }
      rest = rest.dropFirst(run.count)
      let bytes = isDigit(head) ? run.drop { $0 == UInt8(ascii: "0") } : run
      parts.append(Part(isNumber: isDigit(head), bytes: Array(bytes)))
    }
    return parts
  }

  /// Numbers by value and before text; equal ones (leading zeros) by the bytes of the whole name.
  static func precedes(_ a: (key: [Part], name: String), _ b: (key: [Part], name: String)) -> Bool {
    for (left, right) in zip(a.key, b.key) where left != right {
      if left.isNumber != right.isNumber { return left.isNumber }
      if left.isNumber && left.bytes.count != right.bytes.count {
        return left.bytes.count < right.bytes.count
      }
      return left.bytes.lexicographicallyPrecedes(right.bytes)
    }
    if a.key.count != b.key.count { return a.key.count < b.key.count }
    return a.name.utf8.lexicographicallyPrecedes(b.name.utf8)
  }
}
