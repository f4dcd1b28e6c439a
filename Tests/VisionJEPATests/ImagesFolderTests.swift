import Foundation
import Testing

@testable import Pictures

@Suite struct ImagesFolderTests {
  @Test func orderLabelsAndHiddenFiles() throws {
    let scratch = try ScratchFolder()
    for name in [
      "b/2.png", "b/10.png", "a/z.jpg", "root.png", "b/.hidden.png", ".git/x.png", "c/deep/q.PNG",
      "d/no-extension", "d/text.png",
    ] {
      try scratch.copy("one-pixel.png", to: name)
    }
    try scratch.write(Array("words, not pixels".utf8), to: "d/text.png")
    try scratch.write([], to: "d/zero.jpg")
    let folder = try ImageFolder(scratch.path)
    let names = (0..<folder.count).map(folder.relativePath(of:))
    #expect(
      names == ["a/z.jpg", "b/10.png", "b/2.png", "c/deep/q.PNG", "d/no-extension", "root.png"])
    #expect((0..<folder.count).map(folder.label(of:)) == ["a", "b", "b", "deep", "d", nil])
    #expect(folder.labelIndex(of: 5) == -1)
    #expect(folder.labels[folder.labelIndex(of: 1)] == "b")
    #expect(folder.fileCount == 8 && folder.skipped.count == 2)
    #expect(
      folder.skipped.map(\.error) == [
        .notAPicture(
          path: scratch.path("d/text.png"), found: "a text"),
        .emptyFile(path: scratch.path("d/zero.jpg")),
      ])
    #expect(folder.path(of: 0) == scratch.path("a/z.jpg"))
  }

  @Test func loopsAndRepeatedFoldersAreWalkedOnce() throws {
    let scratch = try ScratchFolder()
    try scratch.copy("one-pixel.png", to: "a/1.png")
    let manager = FileManager.default
    try manager.createSymbolicLink(atPath: scratch.path("a/up"), withDestinationPath: "..")
    try manager.createSymbolicLink(atPath: scratch.path("self"), withDestinationPath: "self")
    try manager.createSymbolicLink(atPath: scratch.path("z"), withDestinationPath: "a")
    try manager.createSymbolicLink(atPath: scratch.path("one.png"), withDestinationPath: "a/1.png")
    let folder = try ImageFolder(scratch.path)
    #expect((0..<folder.count).map(folder.relativePath(of:)) == ["a/1.png", "one.png"])
    // Loops and other names of folders are no mistake, but said.
    #expect(
      folder.skipped.map(\.error) == [
        .repeatedFolder(path: scratch.path("a/up")),
        .unreadableFile(
          path: scratch.path("self"), reason: "Too many levels of symbolic links"),
        .repeatedFolder(path: scratch.path("z")),
      ])
  }

  /// Also for the superuser, whom permissions do not bind.
  @Test func danglingLinksAreListed() throws {
    let scratch = try ScratchFolder()
    try scratch.copy("one-pixel.png", to: "a/1.png")
    try scratch.write(Array("notes".utf8), to: "notes.txt")
    try FileManager.default.createSymbolicLink(
      atPath: scratch.path("a/2.png"), withDestinationPath: "nowhere.png")
    let folder = try ImageFolder(scratch.path)
    #expect(folder.count == 1)
    let dangling = ImageError.unreadableFile(
      path: scratch.path("a/2.png"), reason: "No such file or directory")
    #expect(folder.skipped.map(\.error).contains(dangling))
    // Strictness minds it, and does not mind the notes.
    #expect(throws: dangling) { try folder.requireReadable() }
    try FileManager.default.removeItem(atPath: scratch.path("a/2.png"))
    try ImageFolder(scratch.path).requireReadable()
  }

  @Test func unreadableFilesAndFoldersAreListed() throws {
    // Permissions do not bind the superuser, so there is nothing to see as root.
    guard geteuid() != 0 else { return }
    let scratch = try ScratchFolder()
    for name in ["a/1.png", "b/2.png", "c/3.png"] { try scratch.copy("one-pixel.png", to: name) }
    let manager = FileManager.default
    try manager.setAttributes([.posixPermissions: 0], ofItemAtPath: scratch.path("a/1.png"))
    try manager.setAttributes([.posixPermissions: 0], ofItemAtPath: scratch.path("b"))
    defer {
      try? manager.setAttributes([.posixPermissions: 0o755], ofItemAtPath: scratch.path("b"))
    }
    let folder = try ImageFolder(scratch.path)
    #expect(folder.count == 1)
    #expect(
      folder.skipped.map(\.error) == [
        .unreadableFile(path: scratch.path("a/1.png"), reason: "Permission denied"),
        .unreadableFolder(path: scratch.path("b"), reason: "Permission denied"),
      ])
  }

  @Test func uselessFoldersAreErrors() throws {
    let scratch = try ScratchFolder()
    #expect(throws: ImageError.noPictures(path: scratch.path, files: 0, found: "")) {
      try ImageFolder(scratch.path)
    }
    let file = try scratch.write(Array("text".utf8), to: "notes.txt")
    #expect(throws: ImageError.noPictures(path: scratch.path, files: 1, found: "1 text")) {
      try ImageFolder(scratch.path)
    }
    #expect(throws: ImageError.notAFolder(path: file)) { try ImageFolder(file) }
    #expect(throws: ImageError.folderNotFound(path: scratch.path("absent"))) {
      try ImageFolder(scratch.path("absent"))
    }
  }

  @Test func whatOtherFilesAreIsCounted() throws {
    let scratch = try ScratchFolder()
    let kinds: [(String, [UInt8])] = [
      ("a.webp", Array("RIFF....WEBPVP8 ".utf8)), ("b.webp", Array("RIFF....WEBPVP8L".utf8)),
      ("c.heic", [0, 0, 0, 24] + Array("ftypheic".utf8)),
      ("d.avif", [0, 0, 0, 28] + Array("ftypavif".utf8)), ("e.jxl", [0xFF, 0x0A, 0xFA]),
      ("f.ico", [0, 0, 1, 0, 1, 0]), ("g.ppm", Array("P6\n3 2\n255\n".utf8)),
      ("h.tif", [0x4D, 0x4D, 0, 0x2A]), ("i.bmp", Array("BM....".utf8)), ("j.jpg", []),
      ("k.raw", [1, 2, 3]),
    ]
    for (name, bytes) in kinds { try scratch.write(bytes, to: name) }
    #expect(mkfifo(scratch.path("pipe.jpg"), 0o600) == 0)
    let error = #expect(throws: ImageError.self) { try ImageFolder(scratch.path) }
    #expect(
      error
        == .noPictures(
          path: scratch.path, files: 12,
          found: "2 WebP, 1 AVIF, 1 BMP, 1 HEIC, 1 ICO, 1 JPEG XL, 1 PPM, 1 TIFF, 1 empty, "
            + "1 unknown kind of file, 1 unreadable"))
    // A pipe is not waited for.
    try scratch.copy("one-pixel.png", to: "z.png")
    let folder = try ImageFolder(scratch.path)
    #expect(
      folder.skipped.last?.error
        == .unreadableFile(path: scratch.path("pipe.jpg"), reason: "it is a pipe"))
    #expect(throws: ImageError.emptyFile(path: scratch.path("j.jpg"))) {
      try folder.requireReadable()
    }
  }

  @Test func namesNeedNotBeUTF8() throws {
    let scratch = try ScratchFolder()
    let path = Array(scratch.path.utf8CString.dropLast()) + [0x2F, -1, -2, 0x78, 0]
    let source = try ImageFixtures.bytes("one-pixel.png")
    let file = open(path, O_WRONLY | O_CREAT, 0o644)
    // Some file systems refuse such names.
    guard file >= 0 else { return }
    #expect(write(file, source, source.count) == source.count)
    close(file)
    let folder = try ImageFolder(scratch.path)
    let batches = try ImageBatches(folder, size: 4, batchSize: 1)
    #expect(try batches.next()?.count == 1)
  }

  @Test func theFingerprintFollowsNamesAndSizes() throws {
    let scratch = try ScratchFolder()
    try scratch.copy("one-pixel.png", to: "a/1.png")
    let first = try ImageFolder(scratch.path).fingerprint
    #expect(try ImageFolder(scratch.path).fingerprint == first)
    try scratch.copy("rgb8.png", to: "a/1.png")
    let second = try ImageFolder(scratch.path).fingerprint
    #expect(second != first)
    try scratch.copy("one-pixel.png", to: "a/2.png")
    #expect(try ImageFolder(scratch.path).fingerprint != second)
  }

  @Test func manyFilesAreOnlyIndexed() throws {
    let scratch = try ScratchFolder()
    let source = try scratch.write(ImageFixtures.bytes("one-pixel.png"), to: "class-0/first.png")
    let count = 20_000
    for index in 1..<count {
      if index % 1000 == 0 { mkdir(scratch.path("class-\(index / 1000)"), 0o755) }
      link(source, scratch.path("class-\(index / 1000)/\(index).png"))
    }
    let folder = try ImageFolder(scratch.path)
    #expect(folder.count == count)
    #expect(folder.labels.count == 20)
    // Nothing but the names is kept.
    #expect(folder.indexBytes < count * 48)
  }
}
