import CImage
import Files
import Foundation

/// The pictures below a folder: an index of names, nothing decoded.
///
/// Recognised by their first bytes, whatever their names. Subfolders are walked in the order of the
/// bytes of their names, so that the same folder gives the same indices everywhere; hidden files and
/// folders (a leading dot) are left out; a folder that several symbolic links lead to, or that leads
/// back to itself, is walked once, and the links are listed. What cannot be read is listed in `skipped`
/// and does not stop the walk. A path costs its bytes and 12 more: 100,000 pictures take a few
/// megabytes.
public struct ImageFolder: Sendable {
  /// A file or folder that is not part of the index, and why.
  public struct Skipped: Sendable, Equatable {
    public let error: ImageError
    public var path: String { error.path ?? "" }
  }

  /// The folder as it was given.
  public let path: String
  /// The files and folders that were left out, in the order of the walk.
  public internal(set) var skipped: [Skipped] = []
  /// How many files were looked at.
  public internal(set) var fileCount = 0
  /// The names of the labels, in the order in which the walk met them.
  public internal(set) var labels: [String] = []
  /// Changes when a picture is added, removed, renamed or has another size in bytes.
  public internal(set) var fingerprint = Fingerprint().value

  /// Paths below `path`, as the file system spells them, one after the other.
  private var names: [UInt8] = []
  private var ends: [Int] = []
  private var labelIndices: [Int32] = []

  /// Walks `path`.
  ///
  /// - Throws: `ImageError.folderNotFound`, `.notAFolder`, `.unreadableFolder`, or `.noPictures`
  ///   where there is not one picture.
  public init(_ path: String) throws(ImageError) {
    self.path = path
    var status = stat()
    guard stat(path, &status) == 0 else {
      if errno == ENOENT { throw .folderNotFound(path: path) }
      throw .unreadableFolder(path: path, reason: ImageFile.lastSystemError())
    }
    guard status.st_mode & S_IFMT == S_IFDIR else { throw .notAFolder(path: path) }
    guard access(path, R_OK | X_OK) == 0 else {
      throw .unreadableFolder(path: path, reason: ImageFile.lastSystemError())
    }
    var walk = FolderWalk(root: path)
    walk.run(into: &self)
    guard count > 0 else {
      throw .noPictures(path: path, files: fileCount, found: kindsOfSkipped)
    }
  }

  /// What was left out and how many of each kind, such as "5 WebP, 2 text", the most frequent first.
  private var kindsOfSkipped: String {
    var counts: [String: Int] = [:]
    for skipped in skipped {
      let kind =
        switch skipped.error {
        case .notAPicture(_, let found): FileSignature.name(ofKind: found)
        case .emptyFile: "empty"
        default: "unreadable"
        }
      counts[kind, default: 0] += 1
    }
    return counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
      .map { "\($0.value) \($0.key)" }.joined(separator: ", ")
  }

  /// How many pictures there are.
  public var count: Int { ends.count }

  /// The name of the folder that picture `index` lies in; nil where that is `path` itself.
  public func label(of index: Int) -> String? {
    labelIndices[index] < 0 ? nil : labels[Int(labelIndices[index])]
  }

  /// The place in `labels` of the label of picture `index`; -1 where it has none.
  public func labelIndex(of index: Int) -> Int { Int(labelIndices[index]) }

  /// The path of picture `index` below `path`.
  public func relativePath(of index: Int) -> String {
    String(decoding: nameBytes(of: index), as: UTF8.self)
  }

  /// The path of picture `index`, starting with `path`.
  public func path(of index: Int) -> String {
    (path.hasSuffix("/") ? path : path + "/") + relativePath(of: index)
  }

  /// Memory that the index of pictures takes, in bytes.
  var indexBytes: Int {
    names.count + ends.count * MemoryLayout<Int>.size
      + labelIndices.count * MemoryLayout<Int32>.size
  }

  private func nameBytes(of index: Int) -> ArraySlice<UInt8> {
    names[(index == 0 ? 0 : ends[index - 1])..<ends[index]]
  }

  /// Picture `index` as one to be read; its label is the one that it has when it is named by itself.
  public func entry(of index: Int) -> ImageEntry {
    let path = path(of: index)
    return ImageEntry(
      .file(fileSystemPath(of: index)), path: path,
      label: label(of: index) ?? ImageEntry.label(ofFile: path))
  }

  /// The exact bytes of the path, which need not be UTF-8; ended by zero.
  private func fileSystemPath(of index: Int) -> [CChar] {
    var bytes = path.utf8.map { CChar(bitPattern: $0) }
    bytes.append(CChar(bitPattern: UInt8(ascii: "/")))
    bytes.append(contentsOf: nameBytes(of: index).lazy.map { CChar(bitPattern: $0) })
    bytes.append(0)
    return bytes
  }

  /// Calls `body` with the exact bytes of the path.
  package func withFileSystemPath<Result>(
    of index: Int, _ body: (UnsafePointer<CChar>) throws(ImageError) -> Result
  ) throws(ImageError) -> Result {
    try fileSystemPath(of: index).withUnsafeBufferPointer { path throws(ImageError) in
      try body(path.baseAddress!)
    }
  }

  mutating func append(_ name: [UInt8], label: Int32, size: Int) {
    names.append(contentsOf: name)
    ends.append(names.count)
    labelIndices.append(label)
    var longer = Fingerprint(fingerprint)
    longer.add(name)
    longer.addBytes(of: size)
    fingerprint = longer.value
  }

  mutating func skip(_ error: ImageError) { skipped.append(Skipped(error: error)) }
}

/// One walk over a tree of folders.
private struct FolderWalk {
  private struct Entry {
    let name: [UInt8]
    let isFolder: Bool
  }

  private let root: String
  private var visited: Set<FileIdentity> = []
  private var labelIndices: [String: Int32] = [:]

  init(root: String) { self.root = root }

  mutating func run(into folder: inout ImageFolder) {
    let descriptor = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    walk(descriptor, prefix: [], label: nil, into: &folder)
  }

  private func shown(_ name: [UInt8]) -> String {
    (root.hasSuffix("/") ? root : root + "/") + String(decoding: name, as: UTF8.self)
  }

  /// Takes over `descriptor`, an open folder or -1 with `errno` set.
  private mutating func walk(
    _ descriptor: Int32, prefix: [UInt8], label: String?, into folder: inout ImageFolder
  ) {
    guard descriptor >= 0, let stream = fdopendir(descriptor) else {
      folder.skip(
        .unreadableFolder(path: shown(prefix), reason: ImageFile.lastSystemError()))
      if descriptor >= 0 { close(descriptor) }
      return
    }
    defer { closedir(stream) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { return }
    guard visited.insert(FileIdentity(status)).inserted else {
      folder.skip(.repeatedFolder(path: shown(prefix)))
      return
    }

    for entry in entries(of: stream, descriptor) {
      let name = prefix.isEmpty ? entry.name : prefix + [UInt8(ascii: "/")] + entry.name
      if entry.isFolder {
        let child = withPath(entry.name) {
          openat(descriptor, $0, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        }
        walk(
          child, prefix: name, label: String(decoding: entry.name, as: UTF8.self), into: &folder)
      } else {
        look(at: entry.name, in: descriptor, path: name, label: label, into: &folder)
      }
    }
  }

  private func withPath<Result>(_ name: [UInt8], _ body: (UnsafePointer<CChar>) -> Result) -> Result
  {
    (name + [0]).withUnsafeBytes { body($0.baseAddress!.assumingMemoryBound(to: CChar.self)) }
  }

  /// Labels are numbered when the first picture that bears them is met.
  private mutating func labelIndex(_ label: String?, in folder: inout ImageFolder) -> Int32 {
    guard let label else { return -1 }
    if let known = labelIndices[label] { return known }
    let index = Int32(folder.labels.count)
    folder.labels.append(label)
    labelIndices[label] = index
    return index
  }

  /// Visible files and folders, symbolic links followed, in the order of their bytes.
  private func entries(of stream: OpaquePointer, _ descriptor: Int32) -> [Entry] {
    var found: [Entry] = []
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: UInt8.self, capacity: 256) { bytes in
          Array(
            UnsafeBufferPointer(
              start: bytes,
              count: strlen(
                UnsafeRawPointer(bytes)
                  .assumingMemoryBound(to: CChar.self))))
        }
      }
      guard name.first != UInt8(ascii: ".") else { continue }
      var isFolder = entry.pointee.d_type == UInt8(DT_DIR)
      if entry.pointee.d_type == UInt8(DT_LNK) || entry.pointee.d_type == UInt8(DT_UNKNOWN) {
        var status = stat()
        let known = withPath(name) { fstatat(descriptor, $0, &status, 0) } == 0
        isFolder = known && status.st_mode & S_IFMT == S_IFDIR
      }
      found.append(Entry(name: name, isFolder: isFolder))
    }
    found.sort { $0.name.lexicographicallyPrecedes($1.name) }
    return found
  }

  private mutating func look(
    at name: [UInt8], in descriptor: Int32, path: [UInt8], label: String?,
    into folder: inout ImageFolder
  ) {
    folder.fileCount += 1
    var status = stat()
    // Devices are not even opened: that alone may do something.
    if withPath(name, { fstatat(descriptor, $0, &status, 0) }) == 0,
      let special = ImageFile.special(status.st_mode)
    {
      folder.skip(.unreadableFile(path: shown(path), reason: special))
      return
    }
    let file = withPath(name) { openat(descriptor, $0, O_RDONLY | O_CLOEXEC | O_NONBLOCK) }
    guard file >= 0 else {
      folder.skip(.unreadableFile(path: shown(path), reason: ImageFile.lastSystemError()))
      return
    }
    defer { close(file) }
    guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      folder.skip(
        .unreadableFile(
          path: shown(path), reason: ImageFile.special(status.st_mode) ?? "it cannot be examined"))
      return
    }
    let length = FileSignature.length
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: length) { bytes in
      let count = pread(file, bytes.baseAddress!, length, 0)
      if count < 0 {
        folder.skip(.unreadableFile(path: shown(path), reason: ImageFile.lastSystemError()))
      } else if count == 0 {
        folder.skip(.emptyFile(path: shown(path)))
      } else if cimage_sniff(bytes.baseAddress!, count) == nil {
        let head = UnsafeBufferPointer(rebasing: bytes[..<count])
        folder.skip(.notAPicture(path: shown(path), found: FileSignature.kind(of: head)))
      } else {
        folder.append(
          path, label: labelIndex(label, in: &folder), size: Int(status.st_size))
      }
    }
  }
}
