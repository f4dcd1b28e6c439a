import Foundation

/// Everything that a command is to write, checked before anything is computed for it: nothing that is read is
/// written, and no file that this program did not make, unless the user says so.
public struct OutputFiles: Sendable {
  private let files: [OutputFile]
  private let isForced: Bool
  private let endingsOfPictures: [String]

  /// - Parameters:
  ///   - isForced: whether files that this program did not make may be overwritten; what is read never is.
  ///   - endingsOfPictures: how files are named that would be read where they lie in a folder of pictures, in
  ///     lower case.
  package init(_ files: [OutputFile], isForced: Bool, endingsOfPictures: [String]) {
    self.files = files
    self.isForced = isForced
    self.endingsOfPictures = endingsOfPictures
  }

  /// - Parameter read: files and folders that are read; those that are not there are passed over.
  /// - Throws: `InputError.invalidSetting` for a path that cannot be written, that is read, or that is named
  ///   twice; `.foreignFile` for one that holds something else.
  public func check(against read: [String]) throws {
    let inputs = read.compactMap { path in FileIdentity(path: path).map { (path, $0) } }
    var options: [String: String] = [:]
    for file in files {
      let whole = try file.checkPlace()
      try file.check(against: inputs, at: whole, endingsOfPictures: endingsOfPictures)
      if let first = options.updateValue(file.option, forKey: whole) {
        throw file.refusal("another file than \(first)'s", file.path)
      }
      if !isForced { try file.checkIsReplaceable() }
    }
  }
}

/// A file that a command is to write.
public struct OutputFile: Sendable {
  /// The option that names it, or what it stands beside.
  public let option: String
  public let path: String
  public let kind: OutputKind

  public init(_ option: String, _ path: String, _ kind: OutputKind) {
    self.option = option
    self.path = path
    self.kind = kind
  }

  func refusal(_ expected: String, _ found: String) -> InputError {
    .invalidSetting(name: option, expected: expected, found: found)
  }

  /// The path without links, in a folder that is there and can be written to.
  fileprivate func checkPlace() throws -> String {
    let parts = PathParts(path)
    if path.isEmpty || path == "-" || path.hasSuffix("/") { throw refusal("a file", "\"\(path)\"") }
    if Self.isEnding(parts.name) {
      throw refusal("a name before the ending", "\"\(path)\"")
    }
    if let ending = kind.ending, parts.ending.lowercased() != ending {
      throw refusal("a file that ends in .\(ending)", path)
    }
    let parent = parts.folder.isEmpty ? "." : parts.folder
    guard let folder = FileIdentity.realPath(parent), FileIdentity(path: parent)?.isFolder == true
    else {
      throw refusal("a file in a folder that is there", path)
    }
    guard access(parent, W_OK) == 0 else {
      throw refusal("a file in a folder that can be written to", path)
    }
    switch FileIdentity(path: path)?.type {
    case nil, S_IFREG: break
    case S_IFDIR: throw refusal("a file", "the folder \(path)")
    default: throw refusal("a file", "\(path), a device or a pipe")
    }
    return "\(folder)/\(parts.name)"
  }

  /// Whether a name is nothing but the ending of a file that many commands write, such as `.json`.
  fileprivate static func isEnding(_ name: String) -> Bool {
    let endings = ["safetensors", "csv", "jsonl", "json", "png", "html", "mp4"]
    return name.hasPrefix(".") && endings.contains(String(name.dropFirst()))
  }

  fileprivate func check(
    against inputs: [(path: String, identity: FileIdentity)], at whole: String,
    endingsOfPictures: [String]
  ) throws {
    let isPicture =
      kind.isPicture || endingsOfPictures.contains(PathParts(path).ending.lowercased())
    let own = FileIdentity(path: path)
    for (input, identity) in inputs {
      if let own, own == identity { throw refusal("a file that is not read", path) }
      // A picture in a folder of pictures is read, or would be the next time.
      guard identity.isFolder, isPicture, let folder = FileIdentity.realPath(input),
        whole.hasPrefix(folder == "/" ? folder : folder + "/")
      else { continue }
      throw refusal("a file that is not read", "\(path), a picture of \(input)")
    }
  }

  /// - Throws: `FileError.foreignFile`.
  fileprivate func checkIsReplaceable() throws {
    guard FileIdentity(path: path) != nil, !kind.isMade(path) else { return }
    throw FileError.foreignFile(path: path, option: option)
  }
}

/// A folder that a command is to make or to fill.
public enum OutputFolder {
  /// - Parameter needsParent: whether nothing but the last folder of the path is made.
  /// - Throws: `InputError.invalidSetting` where the path names no folder, or one that cannot be made.
  public static func check(
    _ path: String, option: String = "--output", inAFolderThatIsThere needsParent: Bool = false
  ) throws {
    guard !path.isEmpty, path != "-" else {
      throw InputError.invalidSetting(name: option, expected: "a folder", found: "\"\(path)\"")
    }
    let parts = PathParts(path)
    guard !OutputFile.isEnding(parts.name) else {
      throw InputError.invalidSetting(
        name: option, expected: "a name before the ending", found: "\"\(path)\"")
    }
    let parent = parts.folder
    guard !needsParent || parent.isEmpty || FileIdentity(path: parent)?.isFolder == true else {
      throw InputError.invalidSetting(
        name: option, expected: "a folder in a folder that is there", found: path)
    }
  }
}
