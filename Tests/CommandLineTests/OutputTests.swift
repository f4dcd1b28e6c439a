import Foundation
import ImageJEPA
import TestSupport
import Testing
import TrainingRuns

/// Nothing of the user's is lost: what commands refuse to write over, and what they say.
@Suite struct OutputTests {
  /// A folder with pictures, a tiny model and a file of embeddings, made once.
  struct Material {
    let folder = TemporaryPath("outputs")
    var model: String { "\(folder.path)/model" }
    var pictures: String { "\(folder.path)/pics" }

    init() throws {
      let shapes = try ColouredShapes(6)
      try FileManager.default.createDirectory(
        atPath: folder.path, withIntermediateDirectories: true)
      try FileManager.default.copyItem(atPath: shapes.path, toPath: pictures)
      let trained = try JepaProcess.run(
        ["train", "images", pictures, "--output", model, "--steps", "2"] + JepaProcess.tiny)
      #expect(trained.status == 0, "\(trained.errors)")
    }

    func path(_ name: String) -> String { "\(folder.path)/\(name)" }

    func write(_ text: String, to name: String) throws {
      try text.write(toFile: path(name), atomically: true, encoding: .utf8)
    }

    func text(_ name: String) -> String? {
      try? String(contentsOfFile: path(name), encoding: .utf8)
    }

    func run(_ arguments: String...) throws -> JepaProcess.Result {
      try JepaProcess.run(arguments, in: folder.path)
    }

    func embed(_ output: String, _ more: String...) throws -> JepaProcess.Result {
      try JepaProcess.run(
        ["embed", "pics", "--checkpoint", "model", "--output", output, "--workers", "1"] + more,
        in: folder.path)
    }
  }

  static let material: Material? = try? Material()

  /// Runs a command that must refuse to write, and checks that nothing changed.
  func expectRefusal(
    _ arguments: [String], in material: Material, keeping name: String, saying text: String
  ) throws {
    let before = try Data(contentsOf: URL(fileURLWithPath: material.path(name)))
    let result = try JepaProcess.run(arguments, in: material.folder.path)
    #expect(result.status == 1, "\(arguments): \(result.output)")
    #expect(result.errors.contains(text), "\(result.errors)")
    #expect(result.errorLines.count { $0.hasPrefix("jepa: error: ") } == 1)
    #expect(try Data(contentsOf: URL(fileURLWithPath: material.path(name))) == before)
  }

  @Test func whatJepaDidNotMakeIsKept() throws {
    let material = try #require(Self.material)
    for (mine, output) in [
      ("mine.csv", "mine.npy"), ("mine2.json", "mine2.npy"), ("mine3.npy", "mine3.npy"),
      ("mine4.csv", "mine4.csv"), ("mine5.npz", "mine5.npz"),
      ("mine6.skipped.csv", "mine6.npz"), ("mine7.skipped.csv", "mine7"),
    ] {
      try material.write("mine\n", to: mine)
      try expectRefusal(
        ["embed", "pics", "--checkpoint", "model", "--output", output], in: material,
        keeping: mine, saying: "\(mine) is there already and was not made by jepa")
      #expect(mine == output || !FileManager.default.fileExists(atPath: material.path(output)))
    }
    let forced = try material.embed("mine.npy", "--force")
    #expect(forced.status == 0, "\(forced.errors)")
    #expect(material.text("mine.csv")?.hasPrefix("row,path,label,frame,seconds") == true)
  }

  @Test func whatJepaMadeIsReplaced() throws {
    let material = try #require(Self.material)
    for name in ["own.npy", "own1.csv", "own2.jsonl", "own3.npz", "own4.safetensors", "own5"] {
      for _ in 0..<2 {
        let result = try material.embed(name)
        #expect(result.status == 0, "\(name): \(result.errors)")
      }
    }
    for _ in 0..<2 {
      for arguments in [
        ["map", "--embeddings", "own.npy", "--output", "own.html"],
        ["preview", "pics", "--output", "own.png", "--set", "imageSize=32"],
      ] {
        let result = try JepaProcess.run(arguments, in: material.folder.path)
        #expect(result.status == 0, "\(result.errors)")
      }
    }
  }

  @Test func exportsDoNotShareWhatStandsBesideThem() throws {
    let material = try #require(Self.material)
    #expect(try material.embed("shared.npy").status == 0)
    try expectRefusal(
      ["embed", "pics", "--checkpoint", "model", "--output", "shared.csv"], in: material,
      keeping: "shared.csv", saying: "shared.csv")
    try expectRefusal(
      ["embed", "pics", "--checkpoint", "model", "--output", "shared.jsonl"], in: material,
      keeping: "shared.npy",
      saying: "shared.jsonl would overwrite what stands beside shared.npy")
  }

  @Test func whatIsReadIsNeverWritten() throws {
    let material = try #require(Self.material)
    #expect(try material.embed("read.npy").status == 0)
    let picture = "pics/discs/0.png"
    for name in ["hard.png", "soft.png"] {
      try? FileManager.default.removeItem(atPath: material.path(name))
    }
    link(material.path(picture), material.path("hard.png"))
    symlink(material.path(picture), material.path("soft.png"))
    let embeddings = ["--embeddings", "read.npy", "--force", "--output"]
    let commands: [(arguments: [String], keeping: String)] = [
      (["map"] + embeddings + ["read.npy"], "read.npy"),
      (["map"] + embeddings + ["./read.csv"], "read.csv"),
      (["neighbors", picture] + embeddings + ["hard.png"], picture),
      (
        ["visualize", picture, "--checkpoint", "model", "--force", "--output", "soft.png"], picture
      ),
      (["visualize", picture, "--checkpoint", "model", "--force", "--output", picture], picture),
      (["preview", "pics", "--force", "--output", picture], picture),
      (["preview", "pics", "--force", "--output", "pics/new.png"], picture),
    ]
    for (arguments, name) in commands {
      try expectRefusal(
        arguments, in: material, keeping: name, saying: "expected a file that is not read")
    }
    try material.write("pics/discs/0.png\n", to: "list.csv")
    try expectRefusal(
      [
        "embed", "--files-from", "list.csv", "--checkpoint", "model", "--force", "--output",
        "list.npy",
      ], in: material, keeping: "list.csv", saying: "expected a file that is not read")
  }

  @Test func namesThatAreNoFiles() throws {
    let material = try #require(Self.material)
    for name in ["", "-", ".npy", "nowhere/x.npy"] {
      try expectRefusal(
        ["embed", "pics", "--checkpoint", "model", "--output", name], in: material,
        keeping: "pics/discs/0.png", saying: "expected a")
    }
    try expectRefusal(
      ["preview", "pics", "--output", "sheet.jpg"], in: material, keeping: "pics/discs/0.png",
      saying: "--output: expected a file that ends in .png, found sheet.jpg")
    mkfifo(material.path("pipe.npy"), 0o600)
    try expectRefusal(
      ["embed", "pics", "--checkpoint", "model", "--output", "pipe.npy"], in: material,
      keeping: "pics/discs/0.png", saying: "pipe.npy, a device or a pipe")
    for command in [
      ["make-clip"], ["make-task", "sort"], ["import", "model"], ["train", "images", "pics"],
    ] {
      try expectRefusal(
        command + ["--output", ""], in: material, keeping: "pics/discs/0.png",
        saying: "--output: expected a folder")
    }
  }

  /// Foundation's own path functions end the program on these.
  @Test func namesOfOneCharacter() throws {
    let material = try #require(Self.material)
    let copy = material.path("p")
    try? FileManager.default.removeItem(atPath: copy)
    try FileManager.default.copyItem(atPath: material.pictures, toPath: copy)
    let folder = try material.run(
      "embed", "p", "--checkpoint", "model", "--output", "e", "--workers", "1")
    #expect(folder.status == 0, "\(folder.errors)")
    try material.write("p\n.\n", to: "l")
    let list = try JepaProcess.run(
      ["embed", "--files-from", "../l", "--checkpoint", "../model", "--output", "../one.npy"],
      in: copy)
    #expect(list.status == 0 || list.status == 1, "\(list.errors)")
    #expect(!list.wasKilled)
    #expect(try material.embed("embedded.npy").status == 0)
    let map = try material.run("map", "--embeddings", "embedded.npy", "--output", "m")
    #expect(map.status == 0, "\(map.errors)")
  }

  @Test(arguments: [(SIGINT, Int32(130)), (SIGTERM, Int32(143))])
  func interruptionHasAStatusOfItsOwn(signal: Int32, status: Int32) throws {
    let material = try #require(Self.material)
    let run = material.path("interrupted-\(signal)")
    let process = try JepaProcess(
      ["train", "images", material.pictures, "--output", run, "--steps", "100000"]
        + ["--set", "logEverySteps=1"] + JepaProcess.tiny)
    process.wait { loggedSteps(ofRun: run) > 0 }
    process.send(signal)
    let result = process.wait()
    #expect(!result.wasKilled && result.status == status, "\(result.errors)")
    #expect(result.errors.contains("--resume"))
  }

  /// A name that would colour the terminal, and make up a line of its own.
  @Test func controlCharactersOfNamesDoNotReachTheTerminal() throws {
    let name = "a\u{1B}[31m\njepa: error: all is lost\r.png"
    let result = try JepaProcess.run(
      ["embed", name, "--checkpoint", "model", "--output", "x.npy"],
      in: try #require(Self.material).folder.path)
    #expect(result.status == 1)
    #expect(!result.errors.contains("\u{1B}") && !result.errors.contains("\r"))
    #expect(result.errorLines.count == 1, "\(result.errors)")
    #expect(
      result.errors.contains(#"a\u{1B}[31m\njepa: error: all is lost\r.png"#), "\(result.errors)")
  }

  @Test func aProjectorFolderNeedsTheFolderAroundIt() throws {
    let result = try #require(Self.material).embed("nowhere/projector")
    #expect(result.status == 1)
    #expect(
      result.errors
        == "jepa: error: --output: expected a folder in a folder that is there, found nowhere/projector\n"
    )
  }

  /// What was embedded stays, and the message says how to go on.
  @Test func aFullDiskLeavesAnExportThatGoesOn() throws {
    let material = try #require(Self.material)
    let pictures = try ColouredShapes(40)
    let arguments = [
      "embed", pictures.path, "--checkpoint", "model", "--output", "full.csv", "--batch", "4",
      "--workers", "1",
    ]
    let full = try JepaProcess.run(arguments, in: material.folder.path, fileLimit: 16)
    #expect(full.status == 1)
    #expect(full.errors.contains("full.csv.unfinished/") && full.errors.contains("File too large"))
    #expect(full.errors.contains("make room, then go on with --resume: "), "\(full.errors)")
    #expect(material.text("full.csv") == nil)

    let resumed = try JepaProcess.run(arguments + ["--resume"], in: material.folder.path)
    #expect(resumed.status == 0, "\(resumed.errors)")
    let whole = try JepaProcess.run(
      arguments.map { $0 == "full.csv" ? "whole.csv" : $0 }, in: material.folder.path)
    #expect(whole.status == 0, "\(whole.errors)")
    #expect(material.text("full.csv") == material.text("whole.csv"))
  }

  /// Nothing was saved before, and nothing else is said.
  @Test func aFullDiskAtTheFirstSaveSaysThatNothingWasSaved() throws {
    let material = try #require(Self.material)
    let full = try JepaProcess.run(
      ["train", "images", "pics", "--output", "first", "--steps", "2"] + JepaProcess.tiny,
      in: material.folder.path, fileLimit: 64)
    #expect(full.status == 1)
    #expect(full.errors.contains("Nothing of this run was saved before."), "\(full.errors)")
    #expect(full.errorLines.count { $0.hasPrefix("jepa: error: ") } == 1)
  }

  @Test func aFullDiskLaterNamesTheCheckpointThatIsThere() throws {
    let material = try #require(Self.material)
    let arguments = ["train", "images", "pics", "--output", "later"] + JepaProcess.tiny
    #expect(
      try JepaProcess.run(arguments + ["--steps", "1"], in: material.folder.path).status == 0)
    let full = try JepaProcess.run(
      arguments + ["--steps", "2", "--resume"], in: material.folder.path, fileLimit: 64)
    #expect(full.status == 1)
    #expect(
      full.errors.contains(
        "The last good checkpoint is later/step-0000001: --resume goes on from it."),
      "\(full.errors)")
  }
}
