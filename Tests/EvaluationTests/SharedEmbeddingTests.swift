import Foundation
import TestSupport
import Testing
import Torch

@testable import Embeddings
@testable import Files
@testable import Pictures

/// Pictures that several processes embed: the file is that of one.
@Suite struct SharedEmbeddingTests {
  let pictures: ColouredShapes
  let model: TinyModel
  let output: OutputFolder

  init() throws {
    pictures = try ColouredShapes(11, size: 20)
    model = try TinyModel()
    output = try OutputFolder()
  }

  private func list(_ paths: [String], name: String = "list.txt") throws -> String {
    try output.write(Data(paths.map { $0 + "\n" }.joined().utf8), to: name)
    return output(name)
  }

  private var paths: [String] {
    get throws {
      let folder = try ImageFolder(pictures.path)
      return (0..<folder.count).map(folder.path(of:))
    }
  }

  /// What differs from one process to another.
  private struct Part {
    var list: String
    var batchSize = 4
    var isStrict = false
    var hasThumbnails = false
    var decoder = ImageDecoder()
  }

  /// Embeds in so many processes; 1 is no group at all.
  @discardableResult
  private func export(
    _ name: String, worldSize: Int, _ part: Part, isResuming: Bool = false,
    change: @escaping (Int, inout Part) -> Void = { _, _ in }
  ) throws -> EmbeddingExport.Report? {
    func export(_ group: ProcessGroup?) throws -> EmbeddingExport.Report? {
      var part = part
      change(group?.rank ?? 0, &part)
      let inputs = try PictureInputs([], lists: [part.list])
      let export = EmbeddingExport(
        embedder: try model.embedder(), batchSize: part.batchSize, workers: 1,
        isStrict: part.isStrict, hasThumbnails: part.hasThumbnails, decoder: part.decoder)
      if let group, !group.isFirst {
        try export.takePart(inputs, in: group)
        return nil
      }
      return try export.run(inputs, to: output(name), isResuming: isResuming, in: group)
    }
    guard worldSize > 1 else {
      let before = Session.threadCount
      defer { Session.threadCount = before }
      Session.threadCount = 1
      return try export(nil)
    }
    return try asProcesses(worldSize, export)[0]
  }

  private func expectSameFiles(_ name: String, _ other: String) throws {
    let stems = [name, other].map { String($0.prefix { $0 != "." }) }
    let names = try output.names.filter { $0.hasPrefix(stems[1] + ".") }
    #expect(!names.isEmpty)
    for file in names {
      let mine = stems[0] + file.dropFirst(stems[1].count)
      #expect(try output.bytes(mine) == output.bytes(file), "\(mine)")
    }
  }

  /// Three batches: of five processes two have none.
  @Test(arguments: ["npy", "jsonl", "npz"], [2, 3, 5])
  func theyWriteWhatOneDoes(ending: String, worldSize: Int) throws {
    let part = Part(list: try list(try paths), hasThumbnails: ending == "jsonl")
    try export("one.\(ending)", worldSize: 1, part)
    let report = try #require(try export("all.\(ending)", worldSize: worldSize, part))
    #expect(report.shape == [11, 12] && report.failureCount == 0)
    try expectSameFiles("all.\(ending)", "one.\(ending)")
    #expect(try output.names.allSatisfy { !$0.hasSuffix("unfinished") })
  }

  /// Of the second batch none, of the third one: in the second and in the first of two processes.
  @Test func whatCannotBeReadIsSkippedAsByOne() throws {
    var all = try paths
    try output.write(Data("no picture".utf8), to: "bad.png")
    for place in 4..<8 { all[place] = output("missing-\(place).png") }
    all[9] = output("bad.png")
    let part = Part(list: try list(all))
    let one = try #require(try export("one.npy", worldSize: 1, part))
    for worldSize in [2, 3] {
      let report = try #require(try export("all.npy", worldSize: worldSize, part))
      #expect(report.failures == one.failures && report.failureCount == 5)
      #expect(report.shape == [6, 12])
      try expectSameFiles("all.npy", "one.npy")
    }
  }

  @Test func pictureThatOneProcessCannotReadIsLeftOut() throws {
    let part = Part(list: try list(try paths))
    let report = try export("all.npy", worldSize: 2, part) { rank, part in
      if rank == 1 { part.decoder.pixelBudget = 10 }
    }
    #expect(report?.shape == [7, 12] && report?.failureCount == 4)
    #expect(report?.failures.first?.contains("20x20") == true)
    let file = try EmbeddingFile(path: output("all.npy"))
    #expect(file.rows.map(\.path) == (try paths.prefix(4) + paths.suffix(3)))
  }

  /// The one that cannot read says so, after the first saved what came before; from there any number goes on.
  @Test(arguments: [1, 3])
  func strictnessEndsAllAndIsGoneOnFrom(worldSize: Int) throws {
    let part = Part(list: try list(try paths), isStrict: true)
    let unfinished = output("all.npy.unfinished")
    #expect(throws: ToldByAnotherProcess.self) {
      try export("all.npy", worldSize: 2, part) { rank, part in
        if rank == 1 { part.decoder.pixelBudget = 10 }
      }
    }
    #expect(!FileManager.default.fileExists(atPath: output("all.npy")))
    #expect(throws: EmbeddingError.unfinishedExport(path: unfinished, rows: 4)) {
      try export("all.npy", worldSize: 1, part)
    }
    let report = try export("all.npy", worldSize: worldSize, part, isResuming: true)
    #expect(report?.continuedRows == 4 && report?.shape == [11, 12])
    try export("one.npy", worldSize: 1, part)
    try expectSameFiles("all.npy", "one.npy")
  }

  @Test func anExportOfOneProcessGoesOnInSeveral() throws {
    let part = Part(list: try list(try paths))
    try export("one.npy", worldSize: 1, part)
    let before = Session.threadCount
    defer { Session.threadCount = before }
    Session.threadCount = 1
    try UnfinishedRun(output: output("all.npy")).interrupt(
      try PictureInputs([], lists: [part.list]), after: 1, embedder: try model.embedder(),
      batchSize: 4)
    let report = try export("all.npy", worldSize: 2, part, isResuming: true)
    #expect(report?.continuedRows == 4 && report?.shape == [11, 12])
    try expectSameFiles("all.npy", "one.npy")
  }

  /// Where they differ in any way nothing is written.
  @Test func processesThatDifferAreRefused() throws {
    let part = Part(list: try list(try paths))
    let other = try list(try paths.reversed(), name: "other.txt")
    for (what, change) in [
      ("settings", { (part: inout Part) in part.batchSize = 5 }),
      ("pictures", { (part: inout Part) in part.list = other }),
    ] {
      #expect {
        try export("all.npy", worldSize: 2, part) { rank, part in
          if rank == 1 { change(&part) }
        }
      } throws: { error in
        "\(error)".hasPrefix("all processes need the same \(what): rank 0 has ")
      }
      #expect(!FileManager.default.fileExists(atPath: output("all.npy")))
    }
  }

  /// A process that is gone ends the others; what was written whole is kept.
  @Test func whoIsGoneEndsTheOthers() throws {
    let part = Part(list: try list(try paths))
    let error = #expect(throws: EmbeddingError.self) {
      _ = try asProcesses(2) { group in
        let inputs = try PictureInputs([], lists: [part.list])
        let export = EmbeddingExport(
          embedder: try model.embedder(), batchSize: 4, workers: 1)
        if group.isFirst {
          _ = try export.run(inputs, to: output("all.npy"), in: group)
          return
        }
        // It takes part in what comes before the first round.
        struct Gone: Error {}
        let embedder = try model.embedder()
        try group.requireSame(
          version: "0.1.0", device: .cpu,
          settings: embedder.description().fields.merging(["batch": "4"]) { $1 }
            .sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" })
        _ = group.texts("{}")
        throw Gone()
      }
    }
    #expect(
      error.map { "\($0)" }
        == "another process that takes part has ended: see why it has, then go on with --resume: "
        + "0 embeddings are kept")
    #expect(!FileManager.default.fileExists(atPath: output("all.npy")))
  }
}
