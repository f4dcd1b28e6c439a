import Foundation
import VisionJEPA

/// Files and folders that are read.
enum InputFiles {
  /// - Throws: `EvaluationError.invalidSetting` for one that is named twice, by whatever names: it would count as twice
  ///   the evidence.
  static func checkEachOnce(_ paths: [String], called name: String) throws(EvaluationError) {
    var known: Set<String> = []
    for path in paths {
      let whole = URL(fileURLWithPath: path).resolvingSymlinksInPath().standardized.path
      guard known.insert(whole).inserted else {
        throw .invalidSetting(name: name, expected: "each clip once", found: "\(path) twice")
      }
    }
  }
}

/// Files that are to be written, checked before anything is computed for them.
struct OutputFiles {
  /// Each with the option that names it.
  let files: [(option: String, path: String)]

  /// - Parameter read: files and folders that are read: nothing is to be written over them.
  /// - Throws: `EvaluationError.invalidSetting` for a path that cannot be written, that is read, or that is named
  ///   twice.
  func check(against read: [String]) throws(EvaluationError) {
    var names: [String: String] = [:]
    for (option, path) in files {
      func refuse(_ expected: String, _ found: String) -> EvaluationError {
        .invalidSetting(name: option, expected: expected, found: found)
      }
      if path.isEmpty || path == "-" { throw refuse("a file", "\"\(path)\"") }
      let folder = (path as NSString).deletingLastPathComponent
      let parent = folder.isEmpty ? "." : folder
      guard let whole = Self.realPath(parent), Identity(parent)?.isFolder == true else {
        throw refuse("a file in a folder that is there", path)
      }
      guard access(parent, W_OK) == 0 else {
        throw refuse("a file in a folder that can be written to", path)
      }
      let identity = Identity(path)
      if identity?.isFolder == true { throw refuse("a file", "the folder \(path)") }
      for other in read {
        guard let input = Identity(other) else { continue }
        let isFrame =
          input.isFolder && Identity(parent) == input && FrameFolder.isNamedLikeAPicture(path)
        if identity == input || isFrame {
          throw refuse("a file that is not read", isFrame ? "\(path), a frame of \(other)" : path)
        }
      }
      let name = "\(whole)/\((path as NSString).lastPathComponent)"
      if let first = names[name] {
        throw refuse("another file than \(first)'s", path)
      }
      names[name] = option
    }
  }

  private static func realPath(_ path: String) -> String? {
    guard let resolved = realpath(path, nil) else { return nil }
    defer { free(resolved) }
    return String(cString: resolved)
  }

  /// What a path leads to, by whatever name.
  private struct Identity: Equatable {
    let device: UInt64
    let number: UInt64
    let isFolder: Bool

    /// nil where there is nothing.
    init?(_ path: String) {
      var status = stat()
      guard stat(path, &status) == 0 else { return nil }
      device = UInt64(status.st_dev)
      number = UInt64(status.st_ino)
      isFolder = status.st_mode & S_IFMT == S_IFDIR
    }
  }
}
