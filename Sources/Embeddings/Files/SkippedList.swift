import Foundation
import Pictures

/// `NAME.skipped.csv`: the path of everything that an export left out, and why.
struct SkippedList {
  static let header = "path,reason\r\n"
  private static let partName = "skipped.csv"

  private let part: ExportPart
  private let path: String

  /// The list of an unfinished export, which goes on where the export's state says.
  ///
  /// - Parameter path: where it is published.
  init(_ export: UnfinishedExport, path: String) throws {
    self.path = path
    part = try export.part(Self.partName)
    if part.byteCount == 0 { try part.append(Self.header) }
  }

  func append(_ errors: some Sequence<ImageError>) throws {
    let lines = errors.map { error in
      let (path, text) = (error.path ?? "", "\(error)")
      let reason = text.hasPrefix("\(path): ") ? String(text.dropFirst(path.count + 2)) : text
      return "\(DelimitedText.quoted(path)),\(DelimitedText.quoted(reason))\r\n"
    }
    try part.append(lines.joined())
  }

  /// The name that it gets.
  var publication: UnfinishedExport.Publication { .init(part: Self.partName, path: path) }

  /// Removes the list of an earlier export of the same name, which says nothing of this one.
  static func removeEarlier(at path: String) {
    guard let file = try? MappedFile(path: path), file.bytes.starts(with: header.utf8) else {
      return
    }
    unlink(path)
  }
}
