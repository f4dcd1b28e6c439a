import Foundation
import TestSupport
import Testing

/// What the Tab key offers, asked of a real bash that has read the program's own script.
@Suite(.enabled(if: FileManager.default.isExecutableFile(atPath: "/bin/bash")))
struct CompletionTests {
  private let folder: TemporaryPath

  init() throws {
    folder = TemporaryPath("completion")
    for name in ["pictures", "run"] {
      try FileManager.default.createDirectory(
        atPath: "\(folder.path)/\(name)", withIntermediateDirectories: true)
    }
    for name in ["photos.npy", "two words.npy", "notes.txt", "settings.yaml", "page.html"] {
      try Data().write(to: URL(fileURLWithPath: "\(folder.path)/\(name)"))
    }
    let script = try JepaProcess.run(["--generate-completion-script", "bash"])
    #expect(script.status == 0 && script.errors.isEmpty)
    try script.output.write(
      toFile: "\(folder.path)/.jepa.bash", atomically: true, encoding: .utf8)
  }

  /// What is offered for the last of `words`, sorted.
  private func offered(_ words: String...) throws -> [String] {
    let bash = Process()
    bash.executableURL = URL(fileURLWithPath: "/bin/bash")
    bash.currentDirectoryURL = URL(fileURLWithPath: folder.path)
    // As readline does: it sets these and calls the function that `complete -F` named.
    let asking = """
      source .jepa.bash
      COMP_WORDS=(jepa "$@"); COMP_CWORD=$#; COMP_LINE="jepa $*"; COMP_POINT=${#COMP_LINE}
      _jepa jepa "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
      for word in "${COMPREPLY[@]}"; do printf '%s\\n' "$word"; done
      """
    bash.arguments = ["--norc", "-c", asking, "bash"] + words
    let output = Pipe()
    bash.standardOutput = output
    bash.standardInput = FileHandle.nullDevice
    try bash.run()
    let text = output.fileHandleForReading.readDataToEndOfFile()
    bash.waitUntilExit()
    return String(decoding: text, as: UTF8.self).split(separator: "\n").map(String.init).sorted()
  }

  @Test func filesAreOffered() throws {
    #expect(try offered("embed", "p") == ["page.html", "photos.npy", "pictures"])
    #expect(try offered("embed", "pictures", "n") == ["notes.txt"])
    #expect(
      try offered("map", "--embeddings", "") == ["photos.npy", "pictures", "run", "two words.npy"])
    #expect(
      try offered("train", "images", "pictures", "--config", "s") == ["settings.yaml"])
  }

  @Test func foldersAreOfferedWhereAFolderIsWanted() throws {
    #expect(try offered("evaluate", "pictures", "--checkpoint", "") == ["pictures", "run"])
    #expect(try offered("train", "images", "") == ["pictures", "run"])
    #expect(try offered("inspect", "r") == ["run"])
  }

  @Test func valuesAreOffered() throws {
    #expect(
      try offered("train", "images", "pictures", "--encoder", "conv-")
        == ["conv-micro", "conv-small", "conv-tiny"])
    #expect(
      try offered("train", "images", "pictures", "--method", "")
        == ["ijepa", "lejepa", "masks", "views"])
    #expect(try offered("embed", "pictures", "--pool", "m") == ["max", "mean"])
    #expect(try offered("embed", "pictures", "--device", "") == ["cpu", "cuda", "mps"])
    #expect(try offered("em") == ["embed"])
    #expect(try offered("embed", "--chec") == ["--checkpoint"])
  }
}
