import Embeddings
import Evaluation
import Foundation
import ImageJEPA
import Pictures
import TestSupport
import Testing

/// `jepa embed`, `neighbors`, `duplicates`, `map`, `visualize` and `inspect`, as a user runs them.
@Suite struct EmbeddingCommandTests {
  let pictures: ColouredShapes
  let run: TemporaryPath
  private let output = TemporaryPath("embeddings")

  init() throws {
    pictures = try ColouredShapes(12)
    run = try TrainingCommandTests.trained(on: pictures)
    try FileManager.default.createDirectory(
      atPath: output.path, withIntermediateDirectories: true)
  }

  private func path(_ name: String) -> String { "\(output.path)/\(name)" }

  private func jepa(_ arguments: String...) throws -> JepaProcess.Result {
    try JepaProcess.run(arguments)
  }

  /// Runs a command that must succeed, and returns what it printed.
  @discardableResult
  private func expectSuccess(
    _ arguments: String..., sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> String {
    let result = try JepaProcess.run(arguments)
    #expect(result.status == 0, "\(result.errors)", sourceLocation: sourceLocation)
    return result.output
  }

  /// Runs a command that must fail with one line.
  private func expectFailure(
    _ arguments: String..., saying message: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let result = try JepaProcess.run(arguments)
    #expect(result.status == 1 && result.output.isEmpty, sourceLocation: sourceLocation)
    #expect(result.errors == "jepa: error: \(message)\n", sourceLocation: sourceLocation)
  }

  private func embed(_ name: String, _ more: String...) throws {
    let result = try JepaProcess.run(
      ["embed", pictures.path, "--checkpoint", run.path, "--output", path(name)] + more)
    #expect(result.status == 0, "\(result.errors)")
  }

  /// A list of so many files with the pictures' bytes: one file would be embedded once.
  private func listOfCopies(_ count: Int) throws -> String {
    let folder = try ImageFolder(pictures.path)
    let bytes = try (0..<folder.count).map {
      try Data(contentsOf: URL(fileURLWithPath: folder.path(of: $0)))
    }
    try FileManager.default.createDirectory(
      atPath: path("copies"), withIntermediateDirectories: true)
    let paths = (0..<count).map { path("copies/\($0).png") }
    for (number, copy) in paths.enumerated() {
      try bytes[number % bytes.count].write(to: URL(fileURLWithPath: copy))
    }
    let list = path("list.txt")
    try Data(paths.map { $0 + "\n" }.joined().utf8).write(to: URL(fileURLWithPath: list))
    return list
  }

  private func object(_ text: String) throws -> [String: Any] {
    try #require(JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
  }

  // MARK: embed

  /// `kill -9` in the middle, `--resume`, and the bytes of an export that nothing happened to.
  @Test func aKilledExportGoesOnToTheSameBytes() throws {
    let list = try listOfCopies(2400)
    func arguments(_ name: String) -> [String] {
      [
        "embed", "--files-from", list, "--checkpoint", run.path, "--output", path(name),
        "--batch", "8",
      ]
    }
    let killed = try JepaProcess(arguments("killed.npy"))
    let state = path("killed.npy.unfinished/state.json")
    killed.wait { FileManager.default.fileExists(atPath: state) }
    killed.send(SIGKILL)
    #expect(killed.wait().wasKilled)
    #expect(!FileManager.default.fileExists(atPath: path("killed.npy")))
    let again = try JepaProcess.run(arguments("killed.npy"))
    #expect(again.status == 1)
    #expect(again.errors.contains("rows of an export that was interrupted: go on with --resume"))

    let resumed = try JepaProcess.run(arguments("killed.npy") + ["--resume"])
    #expect(resumed.status == 0, "\(resumed.errors)")
    #expect(resumed.errors.contains("going on from row "))
    #expect(resumed.output.contains("2400 embeddings of width 128"))
    let whole = try JepaProcess.run(arguments("whole.npy") + ["--workers", "1"])
    #expect(whole.status == 0, "\(whole.errors)")
    for ending in ["npy", "csv", "json"] {
      #expect(
        FileManager.default.contentsEqual(
          atPath: path("killed.\(ending)"), andPath: path("whole.\(ending)")))
    }
    #expect(!FileManager.default.fileExists(atPath: path("killed.npy.unfinished")))
  }

  @Test func terminationCanBeGoneOnFrom() throws {
    let list = try listOfCopies(1200)
    let arguments = [
      "embed", "--files-from", list, "--checkpoint", run.path, "--output", path("e.npz"),
      "--batch", "4",
    ]
    let process = try JepaProcess(arguments)
    process.wait {
      FileManager.default.fileExists(atPath: path("e.npz.unfinished/numbers"))
    }
    process.send(SIGTERM)
    let result = process.wait()
    #expect(result.status == 143 && !result.wasKilled, "\(result.errors)")
    #expect(result.output.contains("stopped by SIGTERM after "))
    let resumed = try JepaProcess.run(arguments + ["--resume"])
    #expect(resumed.output.contains("wrote \(path("e.npz")): 1200 embeddings"))
  }

  @Test func pathsComeFromTheStandardInput() throws {
    let list = path("list.txt")
    let lines = "\(pictures.path)/discs/0.png\r\n\n\(pictures.path)/stripes/2.png"
    try Data(lines.utf8).write(to: URL(fileURLWithPath: list))
    let result = try JepaProcess(
      [
        "embed", pictures.path + "/squares/1.png", "--files-from", "-", "--checkpoint", run.path,
        "--output", path("e.jsonl"), "--pool", "attention", "--normalize", "--dtype", "float16",
      ], input: list
    ).wait()
    #expect(result.status == 0, "\(result.errors)")
    let file = try EmbeddingFile(path: path("e.jsonl"))
    #expect(file.rows.map(\.label) == ["squares", "discs", "stripes"])
    #expect(file.description.pooling == .attention && file.description.isNormalized)
    #expect(file.description.dtype == .float16)
  }

  @Test func impossibleExportsAreOneLine() throws {
    try expectFailure(
      "embed", pictures.path, "--checkpoint", run.path, "--output", path("e.parquet"),
      saying: "\(path("e.parquet")): expected an ending of .npy, .npz, .safetensors, .csv, "
        + ".jsonl or .faiss, or a folder for the embedding projector, found .parquet")
    try expectFailure(
      "embed", pictures.path, "--checkpoint", run.path, "--output", path("e.csv"), "--pool", "none",
      saying: "pool: expected mean, max or attention for \(path("e.csv")), found none")
    try expectFailure(
      "embed", "nowhere.png", "--checkpoint", run.path, "--output", path("e.npy"),
      saying: "nowhere.png: cannot read: No such file or directory")
    let usage = try jepa("embed", "--checkpoint", run.path, "--output", path("e.npy"))
    #expect(usage.status == 1 && usage.errors.contains("--files-from"))
    #expect(try FileManager.default.contentsOfDirectory(atPath: output.path).isEmpty)
  }

  // MARK: neighbors and duplicates

  @Test func neighborsOfRowsAndOfPictures() throws {
    try embed("e.npy")
    let row = pictures.path + "/discs/0.png"
    let elsewhere = path("copy.png")
    try FileManager.default.copyItem(atPath: row, toPath: elsewhere)
    let sheet = path("sheet.png")
    let table = try expectSuccess(
      "neighbors", row, elsewhere, "--embeddings", path("e.npy"), "--top", "3", "--output", sheet)
    let lines = table.split(separator: "\n")
    // A row is not its own neighbour; a copy of its picture has it first.
    #expect(lines.count == 8 && lines[0] == row[...] && lines[4] == elsewhere[...])
    #expect(!lines[1..<4].contains { $0.hasSuffix(row) })
    #expect(lines[5].contains("1.000") && lines[5].hasSuffix(row))
    let image = try ImageDecoder().decode(contentsOf: sheet)
    #expect(image.width > 4 * 96 && image.height > 2 * 96)

    let json = try object(
      try expectSuccess(
        "neighbors", row, "--embeddings", path("e.npy"), "--top", "2", "--json"))
    let queries = try #require(json["queries"] as? [[String: Any]])
    let neighbours = try #require(queries[0]["neighbours"] as? [[String: Any]])
    #expect(queries[0]["row"] as? Int == 0 && neighbours.count == 2)
    #expect(neighbours.allSatisfy { $0["path"] is String && $0["similarity"] is Double })
  }

  @Test func otherModelsAreRefused() throws {
    try embed("e.npz")
    let other = try TrainingCommandTests.trained(on: pictures, more: ["--seed", "2"])
    let file = try EmbeddingFile(path: path("e.npz"))
    let stranger = path("stranger.png")
    try FileManager.default.copyItem(
      atPath: pictures.path + "/discs/0.png", toPath: stranger)
    let result = try jepa(
      "neighbors", stranger, "--embeddings", path("e.npz"), "--checkpoint", other.path)
    #expect(result.status == 1 && result.errorLines.count == 1)
    #expect(
      result.errors.hasPrefix(
        "jepa: error: \(path("e.npz")) was made by the model "
          + "\(file.description.modelSHA256.prefix(12)), \(other.path)/step-0000004/model."))
    #expect(result.errors.hasSuffix(": their embeddings cannot be compared\n"))
    try FileManager.default.moveItem(atPath: run.path, toPath: run.path + "-moved")
    defer { try? FileManager.default.removeItem(atPath: run.path + "-moved") }
    try expectFailure(
      "neighbors", stranger, "--embeddings", path("e.npz"),
      saying: "\(path("e.npz")) was made by \(file.description.checkpoint), which is not there: "
        + "name the model with --checkpoint")
    try expectSuccess(
      "neighbors", stranger, "--embeddings", path("e.npz"), "--checkpoint", run.path + "-moved")
    try expectFailure(
      "neighbors", "nothing", "--embeddings", path("e.npz"),
      saying: "nothing: expected a row of \(path("e.npz")) or a picture, found neither")
  }

  @Test func arraysThatAreNotOursAreRefused() throws {
    let foreign = Fixtures.path("embeddings/tokens.npy")
    for command in [["neighbors", "x"], ["duplicates"], ["map", "--output", path("m.html")]] {
      let result = try JepaProcess.run(command + ["--embeddings", foreign])
      #expect(result.status == 1 && result.output.isEmpty)
      #expect(
        result.errors == "jepa: error: \(foreign): expected embeddings written by jepa embed, "
          + "found a file without \(foreign.dropLast(4)).json\n")
    }
  }

  @Test func duplicatesAreGroups() throws {
    for name in ["a.png", "b.png"] {
      try FileManager.default.copyItem(
        atPath: pictures.path + "/discs/0.png", toPath: "\(pictures.path)/stripes/\(name)")
    }
    try embed("e.safetensors")
    let sheet = path("groups.png")
    let table = try expectSuccess(
      "duplicates", "--embeddings", path("e.safetensors"), "--confirm", "none", "--threshold",
      "0.99999", "--output", sheet)
    #expect(table.hasPrefix("group 1: 3 pictures\n"))
    for name in ["discs/0.png", "stripes/a.png", "stripes/b.png"] { #expect(table.contains(name)) }
    #expect(table.contains("1 group of near-duplicates at 0.99999: 2 of 14 pictures could go"))
    #expect(try ImageDecoder().decode(contentsOf: sheet).width == 4 + 3 * 100)
    let json = try object(
      try expectSuccess(
        "duplicates", "--embeddings", path("e.safetensors"), "--confirm", "none", "--threshold",
        "0.99999", "--json"))
    #expect(json["surplus"] as? Int == 2 && json["rows"] as? Int == 14)
    let groups = try #require(json["groups"] as? [[[String: Any]]])
    #expect(groups.map(\.count) == [3])
    #expect(groups[0].map { $0["relation"] as? String } == ["kept", "same bytes", "same bytes"])
    #expect(groups[0].map { $0["canGo"] as? Bool } == [false, true, true])
    try expectFailure(
      "duplicates", "--embeddings", path("e.safetensors"), "--threshold", "2",
      saying: "threshold: expected above 0, at most 1, found 2.0")
    try expectFailure(
      "duplicates", "--embeddings", path("e.safetensors"), "--agreement", "2",
      saying: "agreement: expected above 0, at most 1, found 2.0")
  }

  /// A folder of copies alone, whose mean is the copies themselves.
  @Test func copiesAloneAreDuplicates() throws {
    let alone = path("alone")
    try FileManager.default.createDirectory(atPath: alone, withIntermediateDirectories: true)
    for number in 0..<20 {
      try FileManager.default.copyItem(
        atPath: pictures.path + "/discs/0.png", toPath: "\(alone)/\(number).png")
    }
    try expectSuccess("embed", alone, "--checkpoint", run.path, "--output", path("e.npy"))
    for threshold in ["0.97", "1"] {
      let table = try expectSuccess(
        "duplicates", "--embeddings", path("e.npy"), "--threshold", threshold)
      #expect(table.contains("1 group of near-duplicates by pixels at 0.7: "))
      #expect(table.contains("19 of 20 pictures could go"))
      // Equal files say nothing of the model.
      #expect(!table.contains("tell these pictures apart"))
    }
    let sheet = try JepaProcess.run(
      ["duplicates", "--embeddings", path("e.npy"), "--output", path("s.png")])
    #expect(sheet.errors.contains("the sheet shows 1 of 1 group, at most 10 pictures of each\n"))
  }

  /// The same file by other paths and links is one file, and one picture is searched about no mean.
  @Test func aFileIsEmbeddedOnceByAllItsNames() throws {
    let manager = FileManager.default
    let row = pictures.path + "/discs/0.png"
    try manager.createSymbolicLink(
      atPath: pictures.path + "/discs/symbolic.png", withDestinationPath: "0.png")
    #expect(link(row, pictures.path + "/discs/hard.png") == 0)
    try manager.createSymbolicLink(
      atPath: pictures.path + "/again", withDestinationPath: "discs")
    let result = try JepaProcess.run([
      "embed", pictures.path, pictures.path + "/discs", row, pictures.path + "/./discs/0.png",
      "--checkpoint", run.path, "--output", path("e.npy"),
    ])
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.output.contains("12 embeddings of width "))
    #expect(result.output.contains("10 paths led to files that came before"))
    #expect(result.output.contains("/discs: this folder is walked already, under another name"))
    let file = try EmbeddingFile(path: path("e.npy"))
    #expect(file.description.checkpoint.hasPrefix("/"))
    // A query by another path is the row that it names, and not its own neighbour.
    let table = try expectSuccess(
      "neighbors", pictures.path + "/./discs/0.png", "--embeddings", path("e.npy"), "--top", "2")
    #expect(!table.split(separator: "\n")[1].hasSuffix(row))

    try expectSuccess("embed", row, "--checkpoint", run.path, "--output", path("one.npy"))
    #expect(
      try expectSuccess("duplicates", "--embeddings", path("one.npy"))
        == "0 groups of near-duplicates by pixels at 0.7: 0 of 1 picture could go\n")
    try manager.copyItem(atPath: row, toPath: path("copy.png"))
    let near = try expectSuccess("neighbors", path("copy.png"), "--embeddings", path("one.npy"))
    #expect(near.contains("   1   1.000  \(row)"))
  }

  /// The folder's name, however the picture is named.
  @Test func labelsDoNotDependOnHowPicturesAreNamed() throws {
    let folder = pictures.path + "/discs"
    func labels(_ arguments: [String], in place: String? = nil) throws -> Set<String?> {
      let result = try JepaProcess.run(
        ["embed"] + arguments + ["--checkpoint", run.path, "--output", path("l.npy")], in: place)
      #expect(result.status == 0, "\(result.errors)")
      return Set(try EmbeddingFile(path: path("l.npy")).rows.map(\.label))
    }
    #expect(try labels([folder]) == ["discs"])
    #expect(try labels([folder + "/0.png"]) == ["discs"])
    #expect(try labels(["0.png"], in: folder) == ["discs"])
    #expect(try labels(["./../discs/0.png"], in: folder) == ["discs"])
    #expect(try labels(["."], in: folder) == ["discs"])
  }

  @Test func listsEndedByNULAndOtherEncodings() throws {
    let odd = pictures.path + "/discs/two\nlines.png"
    try FileManager.default.copyItem(atPath: pictures.path + "/discs/0.png", toPath: odd)
    func embed(_ bytes: Data) throws -> JepaProcess.Result {
      try bytes.write(to: URL(fileURLWithPath: path("list")))
      return try JepaProcess.run([
        "embed", "--files-from", path("list"), "--checkpoint", run.path, "--output",
        path("n.npy"),
      ])
    }
    let paths = [odd, pictures.path + "/stripes/2.png"]
    let separated = try embed(Data(paths.map { $0 + "\0" }.joined().utf8))
    #expect(separated.output.contains("2 embeddings"), "\(separated.errors)")
    #expect(try EmbeddingFile(path: path("n.npy")).rows.map(\.path) == paths)
    let marked = try embed(Data([0xEF, 0xBB, 0xBF]) + Data("\(paths[1])\r\n".utf8))
    #expect(marked.output.contains("1 embedding of width"), "\(marked.errors)")
    for encoding in [String.Encoding.utf16, .utf16LittleEndian, .utf16BigEndian] {
      let other = try embed(try #require("\(paths[1])\n".data(using: encoding)))
      #expect(other.status == 1 && other.errors.contains("found UTF-16: convert the list"))
    }
  }

  /// What is skipped is said once, and all of it is in a list.
  @Test func everySkippedFileIsListed() throws {
    for number in 0..<12 {
      try Data("RIFF....WEBPVP8 ".utf8).write(
        to: URL(fileURLWithPath: "\(pictures.path)/discs/w\(number).jpg"))
    }
    let missing = path("missing.png")
    let arguments = [
      "embed", pictures.path, missing, "--checkpoint", run.path, "--output", path("e.npy"),
    ]
    let absent = try JepaProcess.run(arguments)
    #expect(absent.status == 1)
    let result = try JepaProcess.run(arguments.filter { $0 != missing })
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.output.contains("skipped: 2 more; all 12 are in \(path("e.skipped.csv"))\n"))
    #expect(!(result.output + result.errors).contains("replaced by another picture"))
    let list = try String(contentsOfFile: path("e.skipped.csv"), encoding: .utf8)
    #expect(list.split(separator: "\r\n").count == 13)
    #expect(list.contains("w3.jpg,\"expected PNG or JPEG, found a WebP\"\r\n"))
    // Named like pictures, they are no notes that lie beside pictures.
    let strict = try JepaProcess.run(arguments.filter { $0 != missing } + ["--strict"])
    #expect(strict.status == 1 && strict.errors.contains("found a WebP"))
  }

  @Test func mapWritesAPage() throws {
    try embed("e.csv")
    for projection in ["pca", "tsne"] {
      let said = try expectSuccess(
        "map", "--embeddings", path("e.csv"), "--output", path("map.html"), "--projection",
        projection)
      #expect(said.hasPrefix("wrote \(path("map.html")): 12 pictures, 12 thumbnails, "))
    }
  }

  // MARK: visualize and inspect

  @Test(arguments: [
    (MethodName.views, "conv-micro", 3), (.masks, "conv-micro", 3), (.ijepa, "vit-tiny", 3),
    (.lejepa, "conv-micro", 2),
  ])
  func visualizeDrawsWhatTheMethodKnows(
    method: MethodName, preset: String, tiles: Int
  ) throws {
    let run = try TrainingCommandTests.trained(
      on: pictures,
      more: ["--method", method.rawValue, "--set", "encoder.preset=\(preset)"])
    let sheet = path("seen.png")
    let said = try expectSuccess(
      "visualize", pictures.path + "/discs/0.png", pictures.path + "/stripes/2.png",
      "--checkpoint", run.path, "--output", sheet, "--patch", "1,2")
    #expect(said.contains("no energy map") == (method == .lejepa))
    #expect(said.hasSuffix("wrote \(sheet)\n"))
    let image = try ImageDecoder().decode(contentsOf: sheet)
    #expect(image.width == 4 + (tiles + 1) * 228)
    #expect(Set(image.pixels).count > 50)
  }

  @Test func impossiblePatchesAreRefused() throws {
    let picture = pictures.path + "/discs/0.png"
    try expectFailure(
      "visualize", picture, "--checkpoint", run.path, "--output", path("x.png"), "--patch", "4,0",
      saying: "patch: expected y,x within 0,0 to 3,3, found 4,0")
    let usage = try jepa(
      "visualize", picture, "--checkpoint", run.path, "--output", path("x.png"), "--patch", "one")
    #expect(usage.status == 1)
    try expectFailure(
      "visualize", "nowhere.png", "--checkpoint", run.path, "--output", path("x.png"),
      saying: "nowhere.png: cannot read: No such file or directory")
  }

  @Test func inspectPrintsTheModelCard() throws {
    let run = try TrainingCommandTests.trained(
      on: pictures, more: ["--set", "logEverySteps=1"])
    let table = try expectSuccess("inspect", run.path)
    let lines = Set(
      table.split(separator: "\n").map { $0.split(separator: " ").joined(separator: " ") })
    for line in [
      "encoder ConvolutionalEncoder", "embedding 128 numbers",
      "pictures 32 pixels, 16 tokens of 8 pixels", "method views", "seed 0",
    ] { #expect(lines.contains(line), "\(line)") }
    #expect(table.contains("step 4, epoch 1.33"))
    // Figures are those of the last line of the log: only a run that logs each of its steps has one.
    #expect(table.contains("\nloss"))
    #expect(table.contains("train images \(pictures.path)"))
    let json = try object(try expectSuccess("inspect", run.path, "--json"))
    #expect(json["step"] as? Int == 4 && json["width"] as? Int == 128)
    #expect((json["modelSHA256"] as? String)?.count == 64)
    // A checkpoint alone is inspected too, and says less.
    let alone = path("step-0000004")
    try FileManager.default.copyItem(atPath: run.path + "/step-0000004", toPath: alone)
    #expect(try !expectSuccess("inspect", alone).contains("command"))
    let empty = path("empty")
    try FileManager.default.createDirectory(atPath: empty, withIntermediateDirectories: true)
    try expectFailure(
      "inspect", empty,
      saying: "\(empty) is neither a run nor a checkpoint: it has no manifest.json")
  }
}
