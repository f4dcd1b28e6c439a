import Embeddings
import Files
import Foundation

/// The demo's pictures, which the repository keeps as one archive beside the place of their folder.
public enum BundledPictures {
  /// Unpacks `FOLDER.zip`, whose SHA-256 is in `FOLDER.zip.sha256`, where there is no folder yet. A
  /// folder that is there is left as it is, and so is one without an archive.
  ///
  /// - Throws: `EvaluationError.damagedArchive`; `FileError.failed`; what Foundation throws where
  ///   the pictures cannot be written.
  public static func unpack(to folder: String) throws {
    let files = FileManager.default
    let archive = "\(folder).zip"
    guard !files.fileExists(atPath: folder), files.fileExists(atPath: archive) else { return }
    let expected = String(decoding: try DurableFile.read("\(archive).sha256"), as: UTF8.self)
      .prefix { $0.isHexDigit }
    let found = try SHA256.hexadecimal(ofFile: archive)
    let damage = EvaluationError.damagedArchive(
      path: archive, expected: String(expected), found: found)
    guard found == expected else { throw damage }

    // The folder gets its name when all of it is on the disk: a crash leaves no half of it.
    let unfinished = "\(folder).\(getpid()).unpacking"
    defer { try? files.removeItem(atPath: unfinished) }
    try DurableFile.read(archive).withUnsafeBytes { bytes in
      guard let members = StoredZip.members(of: bytes) else { throw damage }
      for member in members {
        let path = URL(fileURLWithPath: unfinished).appending(path: member.name)
        try files.createDirectory(
          at: path.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(bytes[member.range]).write(to: path)
      }
    }
    sync()
    // Another process may have been faster; its pictures are the same.
    guard rename(unfinished, folder) == 0 || files.fileExists(atPath: folder) else {
      throw FileError.failure(errno, operation: "write", folder)
    }
  }
}
