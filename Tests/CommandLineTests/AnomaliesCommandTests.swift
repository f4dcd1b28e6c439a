import Evaluation
import Foundation
import Pictures
import TestSupport
import Testing

/// `jepa anomalies` as a user runs it.
@Suite struct AnomaliesCommandTests {
  /// Clean pictures, and the run that was trained on them.
  let clean: ColouredShapes
  let run: TemporaryPath
  /// Other pictures.
  let new: ColouredShapes
  let folder = TemporaryPath("anomalies")

  init() throws {
    clean = try ColouredShapes(14)
    new = try ColouredShapes(7, seed: 3)
    run = try TrainingCommandTests.trained(on: clean)
    try FileManager.default.createDirectory(
      atPath: folder.path, withIntermediateDirectories: true)
  }

  private func path(_ name: String) -> String { "\(folder.path)/\(name)" }

  private func anomalies(_ arguments: String...) throws -> JepaProcess.Result {
    try JepaProcess.run(["anomalies", "--checkpoint", run.path, "--threads", "1"] + arguments)
  }

  private func expectError(
    _ arguments: String..., saying message: String, at location: SourceLocation = #_sourceLocation
  ) throws {
    let result = try JepaProcess.run(
      ["anomalies", "--checkpoint", run.path, "--threads", "1"] + arguments)
    #expect(result.status == 1 && result.output.isEmpty, sourceLocation: location)
    #expect(
      result.errorLines.last?.contains(message) == true, "\(result.errors)",
      sourceLocation: location)
  }

  @Test func everyOutputSaysTheSame() throws {
    let result = try anomalies(
      new.path, "--reference", clean.path, "--json", path("odd.json"), "--csv", path("odd.csv"),
      "--report", path("odd.html"))
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.output.contains("7 pictures: "))
    #expect(result.output.contains(" of 14 clean pictures are above the threshold"))
    #expect(result.output.contains("10 in 1000 would need 300 clean pictures"))
    let report = try JSONDecoder().decode(
      AnomalyReport.self, from: try Data(contentsOf: URL(fileURLWithPath: path("odd.json"))))
    #expect(report.anomalies.count == 7 && report.reference == clean.path)
    #expect(report.rows == 4 && report.columns == 4)
    for (first, second) in zip(report.anomalies, report.anomalies.dropFirst()) {
      #expect(first.score >= second.score)
    }
    for picture in report.anomalies {
      #expect(picture.isFlagged == (picture.score > 0))
      let surprise = max(try #require(picture.energy), picture.distance)
      #expect(abs(picture.score - (surprise - report.threshold)) < 1e-9)
      #expect((picture.decidedBy == .energy) == (picture.energy! >= picture.distance))
      #expect(picture.energies?.count == 16 && picture.distances.count == 16)
      #expect(result.output.contains(picture.path))
    }
    let lines = try String(contentsOfFile: path("odd.csv"), encoding: .utf8)
      .components(separatedBy: "\r\n")
    #expect(lines[0] == "rank,path,score,flagged,energy,distance,decided_by,row,column")
    #expect(lines.count == 9 && lines[8].isEmpty)
    #expect(lines[1].hasPrefix("1,\(report.anomalies[0].path),\(report.anomalies[0].score),"))
    let page = try String(contentsOfFile: path("odd.html"), encoding: .utf8)
    #expect(page.components(separatedBy: "<section").count == 8)
    #expect(page.components(separatedBy: "data:image/jpeg").count == 22)
    #expect(!page.contains("{{") && !page.contains("http://") && !page.contains("src=\"/"))
  }

  @Test func theOrderOfInputsChangesNothing() throws {
    let pictures = try ImageFolder(new.path)
    let names = (0..<pictures.count).map(pictures.path(of:))
    func report(_ names: [String]) throws -> String {
      let result = try JepaProcess.run(
        ["anomalies", "--checkpoint", run.path, "--threads", "1", "--json", "-"] + names)
      #expect(result.status == 0, "\(result.errors)")
      return result.output
    }
    let forwards = try report(names)
    #expect(try report(names.reversed()) == forwards)
    // Named twice is looked at once.
    #expect(try report(names + [names[2]]) == forwards)
  }

  @Test func aCalibrationStandsForItsPictures() throws {
    let written = try anomalies(
      "--reference", clean.path, "--write-calibration", path("good.safetensors"))
    #expect(written.status == 0, "\(written.errors)")
    #expect(written.output.hasPrefix("wrote \(path("good.safetensors")): at most "))
    let direct = try anomalies(new.path, "--reference", clean.path, "--json", "-")
    let later = try anomalies(
      new.path, "--calibration", path("good.safetensors"), "--json", "-")
    #expect(direct.status == 0 && later.status == 0, "\(later.errors)")
    #expect(direct.output == later.output)
    // It is for these weights only.
    let other = try TrainingCommandTests.trained(on: clean, more: ["--seed", "2"])
    let refused = try JepaProcess.run(
      [
        "anomalies", new.path, "--checkpoint", other.path, "--calibration",
        path("good.safetensors"),
      ])
    #expect(refused.status == 1)
    #expect(
      refused.errors.hasPrefix(
        "jepa: error: \(path("good.safetensors")) was made with another model: "))
    // Nor is any other file one.
    let weights = "\(run.path)/\(try latest())/model.safetensors"
    try expectError(
      new.path, "--calibration", weights,
      saying: "\(weights): expected a file that jepa anomalies --write-calibration wrote")
  }

  private func latest() throws -> String {
    try #require(
      FileManager.default.contentsOfDirectory(atPath: run.path).first { $0.hasPrefix("step-") })
  }

  @Test func checkIsAStatus() throws {
    // Where every clean picture may be flagged, so are others.
    let flagged = try anomalies(
      new.path, "--reference", clean.path, "--false-alarms-per-1000", "1000", "--check")
    #expect(flagged.status == 3, "\(flagged.errors)")
    #expect(flagged.output.contains(" flagged"))
    let unchecked = try anomalies(
      new.path, "--reference", clean.path, "--false-alarms-per-1000", "1000")
    #expect(unchecked.status == 0)
  }

  @Test func unreadablePicturesAreSkippedAndCounted() throws {
    try FileManager.default.copyItem(
      atPath: Fixtures.path("images/truncated.png"), toPath: "\(new.path)/discs/truncated.png")
    try Data("hello".utf8).write(to: URL(fileURLWithPath: "\(new.path)/discs/notes.png"))
    let result = try anomalies(new.path, "--reference", clean.path)
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.output.contains("7 pictures, 2 skipped: "))
    #expect(result.errors.contains("skipped \(new.path)/discs/truncated.png: "))
    #expect(result.errors.contains("skipped \(new.path)/discs/notes.png: "))
    try expectError(new.path, "--reference", clean.path, "--strict", saying: "\(new.path)/discs/")
  }

  @Test func anEncoderWithoutAPredictorHasDistancesAlone() throws {
    let alone = try TrainingCommandTests.trained(on: clean, more: ["--method", "lejepa"])
    let result = try JepaProcess.run(
      ["anomalies", new.path, "--checkpoint", alone.path, "--reference", clean.path])
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.output.contains("this model predicts no tokens: distances alone decide"))
    #expect(!result.output.contains("energy      /"))
  }

  @Test func tooFewPicturesAreRefused() throws {
    let few = try ColouredShapes(6)
    try expectError(
      new.path, "--reference", few.path,
      saying: "\(few.path): expected at least 10 pictures that can be read, found 6: name more")
    let one = try ColouredShapes(1)
    try expectError(
      one.path,
      saying: "\(one.path): expected at least 5 pictures that can be read, found 1: name clean")
  }

  @Test func wrongUsageIsOneLine() throws {
    try expectError(saying: "name pictures to look at")
    try expectError(
      new.path, "--reference", clean.path, "--calibration", "x.safetensors",
      saying: "give one of --reference and --calibration")
    try expectError(
      new.path, "--write-calibration", path("x.safetensors"),
      saying: "--write-calibration needs --reference")
    try expectError(
      new.path, "--false-alarms-per-1000", "0", saying: "above 0 and at most 1000, found 0")
    try expectError("\(new.path)-nowhere", saying: "\(new.path)-nowhere: cannot read")
    try Data("hello".utf8).write(to: URL(fileURLWithPath: path("notes.txt")))
    try expectError(
      path("notes.txt"), saying: "notes.txt: expected PNG or JPEG, found another kind")
    // What jepa did not make stays.
    try expectError(
      new.path, "--csv", path("notes.txt"), saying: "is there already and was not made by jepa")
  }

  @Test func ownFilesAreReplaced() throws {
    for _ in 0..<2 {
      let result = try anomalies(
        new.path, "--json", path("a.json"), "--csv", path("a.csv"), "--report", path("a.html"))
      #expect(result.status == 0, "\(result.errors)")
      #expect(result.output.contains("no rate of false alarms can be claimed"))
    }
  }
}
