import Embeddings
import Foundation
import Pictures
import TestSupport
import Testing

/// `jepa duplicates` as what acts on it calls it, `outliers`, `uniqueness` and `sample`, as a user runs them.
@Suite struct CurationCommandTests {
  private let pictures: ColouredShapes
  private let run: TemporaryPath
  private let folder = TemporaryPath("curation")

  init() throws {
    pictures = try ColouredShapes(12)
    run = try TrainingCommandTests.trained(on: pictures)
    try FileManager.default.createDirectory(
      atPath: folder.path, withIntermediateDirectories: true)
  }

  private func path(_ name: String) -> String { "\(folder.path)/\(name)" }

  @discardableResult
  private func expectSuccess(
    _ arguments: [String], sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> JepaProcess.Result {
    let result = try JepaProcess.run(arguments)
    #expect(result.status == 0, "\(result.errors)", sourceLocation: sourceLocation)
    return result
  }

  private func expectFailure(
    _ arguments: [String], saying message: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let result = try JepaProcess.run(arguments)
    #expect(result.status == 1 && result.output.isEmpty, sourceLocation: sourceLocation)
    #expect(result.errors.hasPrefix("jepa: error: "), sourceLocation: sourceLocation)
    #expect(
      result.errors.contains(message) && result.errorLines.count == 1, "\(result.errors)",
      sourceLocation: sourceLocation)
  }

  private func embed() throws {
    try expectSuccess(
      ["embed", pictures.path, "--checkpoint", run.path, "--output", path("e.npy")])
  }

  /// What the pictures' files hold, by path.
  private func contents() throws -> [String: Data] {
    let folder = try ImageFolder(pictures.path)
    return try Dictionary(
      uniqueKeysWithValues: (0..<folder.count).map {
        let path = folder.path(of: $0)
        return (path, try Data(contentsOf: URL(fileURLWithPath: path)))
      })
  }

  /// A list that ends each path by NUL, whatever is in it; acting on it leaves one of each group.
  @Test func whatCouldGoIsAListForXargs() throws {
    let manager = FileManager.default
    let original = pictures.path + "/discs/0.png"
    let odd = pictures.path + "/stripes/two\nlines.png"
    try manager.copyItem(atPath: original, toPath: odd)
    try manager.copyItem(atPath: original, toPath: pictures.path + "/squares/copy.png")
    try embed()
    let before = try contents()
    let arguments = [
      "duplicates", "--embeddings", path("e.npy"), "--confirm", "none", "--threshold", "0.99999",
    ]
    let result = try expectSuccess(arguments + ["--print0"])
    #expect(
      result.output.split(separator: "\0") == [pictures.path + "/squares/copy.png", odd[...]])
    #expect(result.output.hasSuffix("\0"))
    #expect(result.errors.contains("2 of 14 pictures could go"))
    #expect(try contents() == before)
    for path in result.output.split(separator: "\0") {
      try manager.removeItem(atPath: String(path))
    }
    let after = try expectSuccess(arguments)
    #expect(after.output.contains("0 of 14 pictures could go"))
    #expect(after.output.contains("2 of 14 pictures are not there"))
  }

  @Test func copiesInAnotherFolder() throws {
    try FileManager.default.copyItem(
      atPath: pictures.path + "/discs/0.png", toPath: pictures.path + "/stripes/copy.png")
    try embed()
    let arguments = [
      "duplicates", "--embeddings", path("e.npy"), "--confirm", "none", "--threshold", "0.99999",
    ]
    let (discs, stripes) = (pictures.path + "/discs", pictures.path + "/stripes")
    let found = try expectSuccess(arguments + ["--across", discs, stripes, "--print0"])
    #expect(found.output == stripes + "/copy.png\0")
    let other = try expectSuccess(arguments + ["--across", stripes, discs, "--print0"])
    #expect(other.output == discs + "/0.png\0")
    try expectFailure(
      arguments + ["--across", discs, discs],
      saying: "--across: expected two folders of which neither is in the other")
    try expectFailure(arguments + ["--across", discs], saying: "expected two folders, found 1")
    try expectFailure(
      arguments + ["--across", discs, stripes, "--keep", "best"],
      saying: "--across keeps what is in its first folder")
    try expectFailure(
      arguments + ["--across", discs, folder.path], saying: "holds no picture of \(folder.path)")
    try expectFailure(
      arguments + ["--json", "--print0"], saying: "give one of --json and --print0")
  }

  @Test func eachCommandHasATableJSONAndASheet() throws {
    try embed()
    let before = try contents()
    let commands = [
      (["outliers", "--top", "3"], "outliers", 3), (["uniqueness"], "pictures", 12),
      (["sample", "--count", "4"], "pictures", 4),
    ]
    for (command, key, count) in commands {
      let arguments = command + ["--embeddings", path("e.npy")]
      let sheet = path("\(command[0]).png")
      let table = try expectSuccess(arguments + ["--output", sheet])
      #expect(table.output.contains(pictures.path))
      #expect(try ImageDecoder().decode(contentsOf: sheet).width > 2 * 96)
      let json = try expectSuccess(arguments + ["--json"]).output
      let object = try #require(
        JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any])
      #expect((object[key] as? [[String: Any]])?.count == count)
      #expect(object["rows"] as? Int == 12)
      try expectFailure(
        arguments + ["--output", path("e.npy")], saying: "--output: expected a file that")
    }
    let list = try expectSuccess(
      ["sample", "--embeddings", path("e.npy"), "--count", "2", "--print0"])
    #expect(list.output.split(separator: "\0").allSatisfy { $0.hasPrefix(pictures.path) })
    try expectSuccess(["uniqueness", "--embeddings", path("e.npy"), "--csv", path("u.csv")])
    // It is its own, and may be written again.
    try expectSuccess(["uniqueness", "--embeddings", path("e.npy"), "--csv", path("u.csv")])
    try expectFailure(
      ["sample", "--embeddings", path("e.npy"), "--count", "13"],
      saying: "count: expected 1 to 12, the pictures of \(path("e.npy")), found 13")
    try expectFailure(
      ["outliers", "--embeddings", path("e.npy"), "--k", "12"],
      saying: "outliers by the neighbour 12 needs at least 13 items, found 12")
    #expect(try contents() == before)
  }

  @Test func thumbnailsAreForLinesOfJSON() throws {
    let arguments = ["embed", pictures.path, "--checkpoint", run.path, "--thumbnails", "--output"]
    try expectSuccess(arguments + [path("t.jsonl")])
    let text = try String(contentsOfFile: path("t.jsonl"), encoding: .utf8)
    let line = try #require(text.split(separator: "\n").first)
    let object = try #require(
      JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    let address = try #require(object["thumbnail"] as? String)
    let start = "data:image/jpeg;base64,"
    #expect(address.hasPrefix(start))
    let bytes = try #require(Data(base64Encoded: String(address.dropFirst(start.count))))
    let image = try ImageDecoder().decode([UInt8](bytes), name: "a thumbnail")
    #expect(image.width == 96 && image.height == 96)
    #expect(try EmbeddingFile(path: path("t.jsonl")).rows.count == 12)
    try expectFailure(
      arguments + [path("t.npy")],
      saying: "thumbnails: expected a .jsonl file, found \(path("t.npy"))")
    try expectFailure(
      [
        "embed", pictures.path, "--checkpoint", run.path, "--dtype", "float16", "--output",
        path("t.faiss"),
      ], saying: "dtype: expected float32 for \(path("t.faiss")), found float16")
  }
}
