import Foundation
import ImageJEPA
import Pictures
import TestSupport
import Testing

/// `jepa visualize --invert`, as a user runs it.
@Suite struct InversionCommandTests {
  let pictures: ColouredShapes
  private let output = TemporaryPath("inversions")

  init() throws {
    pictures = try ColouredShapes(12)
    try FileManager.default.createDirectory(
      atPath: output.path, withIntermediateDirectories: true)
  }

  private var disc: String { "\(pictures.path)/discs/0.png" }
  private var stripes: String { "\(pictures.path)/stripes/2.png" }
  private func path(_ name: String) -> String { "\(output.path)/\(name)" }

  /// The numbers of a line: at the start, at the end, of the picture itself, of its blurred copy.
  private static func energies(of line: Substring) -> [Double] {
    line.split { !"0123456789.".contains($0) }.compactMap { Double($0) }.suffix(4)
  }

  @Test(arguments: [(MethodName.views, "conv-micro"), (.ijepa, "vit-tiny")])
  func eachRowIsAPictureAndWhatItsEmbeddingKeeps(method: MethodName, preset: String) throws {
    let run = try TrainingCommandTests.trained(
      on: pictures,
      more: ["--method", method.rawValue, "--set", "encoder.preset=\(preset)"])
    let result = try JepaProcess.run([
      "visualize", disc, stripes, "--checkpoint", run.path, "--output", path("kept.png"),
      "--invert", "--steps", "40", "--smoothness", "0.1",
    ])
    #expect(result.status == 0 && result.errors.isEmpty, "\(result.errors)")
    let lines = result.output.split(separator: "\n")
    #expect(lines.count == 5 && lines[4] == "wrote \(path("kept.png"))")
    for (line, name) in zip(lines, ["\(disc), tokens: ", "\(disc), pooled: ", stripes, stripes]) {
      #expect(line.hasPrefix(name), "\(line)")
      let energies = Self.energies(of: line)
      #expect(energies.count == 4 && energies[1] < energies[0] / 2, "\(line)")
    }
    // Three tiles a row, of 32 pixels seven times as large.
    let sheet = try ImageDecoder().decode(contentsOf: path("kept.png"))
    #expect(sheet.width == 4 + 3 * 228)
    #expect(Set(sheet.pixels).count > 50)
  }

  @Test func theSeedDecidesTheBytes() throws {
    let run = try TrainingCommandTests.trained(on: pictures)
    func draw(_ name: String, _ more: String...) throws -> Data {
      let result = try JepaProcess.run(
        [
          "visualize", disc, "--checkpoint", run.path, "--output", path(name), "--invert",
          "--steps", "10", "--of", "pooled", "--quiet",
        ] + more)
      #expect(result.status == 0 && result.errors.isEmpty, "\(result.errors)")
      #expect(result.output.split(separator: "\n").count == 2)
      return try Data(contentsOf: URL(fileURLWithPath: path(name)))
    }
    let first = try draw("1.png")
    #expect(try draw("2.png") == first)
    #expect(try draw("3.png", "--seed", "0", "--smoothness", "1") == first)
    #expect(try draw("4.png", "--seed", "1") != first)
    #expect(try draw("5.png", "--smoothness", "0") != first)
  }

  @Test(arguments: [
    (["--steps", "4"], "--steps is an option of --invert: give both or none"),
    (["--of", "tokens"], "--of is an option of --invert: give both or none"),
    (["--smoothness", "1"], "--smoothness is an option of --invert: give both or none"),
    (["--seed", "1"], "--seed is an option of --invert: give both or none"),
    (["--invert", "--patch", "0,0"], "give one of --invert and --patch"),
    (["--invert", "--steps", "0"], "--steps: expected 1 or more, found 0"),
    (["--invert", "--steps", "-3"], "--steps: expected 1 or more, found -3"),
    (["--invert", "--smoothness", "-1"], "--smoothness: expected 0 or more, found -1.0"),
    (["--invert", "--smoothness", "nan"], "--smoothness: expected 0 or more, found nan"),
    (
      ["--invert", "--of", "mean"],
      "the value 'mean' is invalid for '--of <of>'. Please provide one of 'tokens' and 'pooled'"
    ),
  ])
  func optionsThatDoNotFitAreRefused(options: [String], message: String) throws {
    let result = try JepaProcess.run(
      ["visualize", disc, "--checkpoint", "nowhere", "--output", path("x.png")] + options)
    #expect(result.status == 1 && result.output.isEmpty)
    #expect(result.errors == "jepa: error: \(message); see 'jepa visualize --help'\n")
  }

  @Test func whatIsNoPictureOrNoCheckpointIsNamed() throws {
    let run = try TrainingCommandTests.trained(on: pictures)
    let text = path("text.png")
    try Data("no picture".utf8).write(to: URL(fileURLWithPath: text))
    for (picture, checkpoint, message) in [
      (text, run.path, "\(text): expected PNG or JPEG, found "),
      ("nowhere.png", run.path, "nowhere.png: cannot read: No such file or directory"),
      (disc, output.path, "\(output.path) is neither a run nor a checkpoint"),
    ] {
      let result = try JepaProcess.run([
        "visualize", picture, "--checkpoint", checkpoint, "--output", path("x.png"), "--invert",
        "--steps", "1",
      ])
      #expect(result.status == 1 && result.output.isEmpty)
      #expect(result.errorLines.count == 1)
      #expect(result.errors.hasPrefix("jepa: error: \(message)"), "\(result.errors)")
    }
    #expect(!FileManager.default.fileExists(atPath: path("x.png")))
  }
}
