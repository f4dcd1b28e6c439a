import Files
import Foundation
import Testing

@testable import ImageJEPA
@testable import TrainingRuns

private enum Regularizer: String, Codable, CaseIterable {
  case sigreg, vicreg, infonce
}

private struct OptimizerSettings: RunConfiguration {
  var learningRate: Float = 1e-3
  var weightDecay = 0.05
  var warmupSteps: Int? = nil
}

private struct CropSettings: RunConfiguration {
  var probability: Double = 1
  var scale: [Double] = [0.3, 1]
}

private struct TeacherSettings: RunConfiguration {
  var momentum = 0.996
  var centered = false
}

private struct Settings: RunConfiguration {
  var name = "run"
  var seed: UInt64 = 0
  var duration = RunDuration.epochs(10)
  var optimizer = OptimizerSettings()
  var regularizer = Regularizer.sigreg
  var crops = [CropSettings()]
  var teacher: TeacherSettings? = nil
  var weights: [String: Double] = ["energy": 1]
  var limit: Int? = 3
}

@Suite struct ConfigurationReaderTests {
  private func read(_ yaml: String = "", _ overrides: String...) throws -> Settings {
    try ConfigurationReader.read(
      Settings.self, yaml: yaml, source: "a.yaml", overrides: overrides)
  }

  private func message(_ yaml: String, _ overrides: String...) -> String {
    do {
      _ = try ConfigurationReader.read(
        Settings.self, yaml: yaml, source: "a.yaml", overrides: overrides)
      return "no error"
    } catch {
      return "\(error)"
    }
  }

  @Test func nothingSetIsTheDefault() throws {
    #expect(try read() == Settings())
    #expect(try read("# only a comment\n") == Settings())
  }

  @Test func filesAndOverridesChangeWhatTheyName() throws {
    let settings = try read(
      """
      name: no
      seed: 18446744073709551615
      optimizer:
        learningRate: 3e-4
        warmupSteps: 1_000
      regularizer: vicreg
      """, "optimizer.weightDecay=0.1", "name=1.10", "limit=null", "optimizer.weightDecay=0.2")
    #expect(settings.name == "1.10")
    #expect(settings.seed == .max)
    #expect(
      settings.optimizer
        == OptimizerSettings(learningRate: 3e-4, weightDecay: 0.2, warmupSteps: 1000))
    #expect(settings.regularizer == .vicreg)
    #expect(settings.limit == nil)
    #expect(settings.crops == [CropSettings()])
  }

  @Test func textStaysAsItWasWritten() throws {
    #expect(try read("name: no").name == "no")
    #expect(try read("name: 0x10").name == "0x10")
    #expect(try read("name: 'null'").name == "null")
  }

  @Test func wholeNumbersMayHaveAnExponent() throws {
    #expect(try read("optimizer: {warmupSteps: 1e4}").optimizer.warmupSteps == 10_000)
    #expect(
      message("optimizer: {warmupSteps: 1.5}")
        == "optimizer.warmupSteps: expected a whole number, found 1.5")
    #expect(try read("optimizer: {weightDecay: 1}").optimizer.weightDecay == 1)
  }

  @Test func listsAreReplacedAndTheirItemsKeepDefaults() throws {
    let settings = try read("crops: [{probability: 0.5}, {scale: [0.1, 0.2]}]")
    #expect(
      settings.crops
        == [CropSettings(probability: 0.5), CropSettings(probability: 1, scale: [0.1, 0.2])])
    #expect(try read("", "crops=[]").crops.isEmpty)
  }

  @Test func anOptionalSectionKeepsDefaults() throws {
    #expect(try read("teacher: {centered: yes}").teacher == TeacherSettings(centered: true))
    #expect(try read("", "teacher.momentum=0.9").teacher == TeacherSettings(momentum: 0.9))
    #expect(try read("", "teacher={}").teacher == TeacherSettings())
  }

  @Test func dictionariesTakeAnyKey() throws {
    #expect(try read("weights: {sigreg: 0.5}").weights == ["sigreg": 0.5])
  }

  @Test func alternativesReplaceEachOther() throws {
    #expect(try read("duration: {steps: 100}").duration == .steps(100))
    #expect(try read("duration: {steps: 100}", "duration.minutes=2").duration == .minutes(2))
    #expect(
      message("duration: {steps: 100, minutes: 2}")
        == "duration: expected exactly one of epochs, steps and minutes, found 2")
    #expect(
      message("", "duration.steps=1", "duration.minutes=2")
        == "duration: expected exactly one of epochs, steps and minutes, found 2")
    #expect(
      message("duration: {epochs: 0}") == "duration: expected a duration above 0, found 0 epochs")
    #expect(
      message("duration: {epoch: 5}")
        == "a.yaml: unknown key duration.epoch: did you mean duration.epochs?")
  }

  @Test(arguments: [
    ("optimiser: {}", "a.yaml: unknown key optimiser: did you mean optimizer?"),
    (
      "optimizer: {learning_rate: 1}",
      "a.yaml: unknown key optimizer.learning_rate: did you mean optimizer.learningRate?"
    ),
    ("learningRate: 1", "a.yaml: unknown key learningRate: did you mean optimizer.learningRate?"),
    ("zebra: 1", "a.yaml: unknown key zebra"),
    (
      "crops: [{}, {probabilty: 1}]",
      "a.yaml: unknown key crops[1].probabilty: did you mean crops[1].probability?"
    ),
    (
      "teacher: {momentun: 1}",
      "a.yaml: unknown key teacher.momentun: did you mean teacher.momentum?"
    ),
  ])
  func unknownKeysAreNamed(yaml: String, expected: String) {
    #expect(message(yaml) == expected)
  }

  @Test func unknownOverridesAreNamed() {
    #expect(
      message("", "optimizer.learningrat=1")
        == "--set: unknown key optimizer.learningrat: did you mean optimizer.learningRate?")
    #expect(
      message("", "teacher.momentun=1")
        == "--set: unknown key teacher.momentun: did you mean teacher.momentum?")
  }

  @Test(arguments: [
    ("seed: -1", "seed: expected a whole number of 0 or more, found -1"),
    ("seed: [1, 2]", "seed: expected a whole number of 0 or more, found a list of 2"),
    ("seed:", "seed: expected a whole number of 0 or more, found nothing"),
    ("seed: '3'", "seed: expected a whole number of 0 or more, found the text \"3\""),
    ("optimizer: 3", "optimizer: expected a section, found 3"),
    ("optimizer: {weightDecay: inf}", "optimizer.weightDecay: expected a number, found inf"),
    ("optimizer: {weightDecay: 0x10}", "optimizer.weightDecay: expected a number, found 0x10"),
    ("name: {a: 1}", "name: expected text, found a section with a"),
    ("crops: {probability: 1}", "crops: expected a list, found a section with probability"),
    ("crops: [{scale: [0.1, wide]}]", "crops[0].scale[1]: expected a number, found wide"),
    ("teacher: {centered: 3}", "teacher.centered: expected true or false, found 3"),
    (
      "regularizer: vicrag",
      "regularizer: expected one of sigreg, vicreg, infonce, found vicrag: did you mean vicreg?"
    ),
    ("- 1\n- 2", "configuration: expected a section, found a list of 2"),
  ])
  func wrongTypesAreNamed(yaml: String, expected: String) {
    #expect(message(yaml) == expected)
  }

  @Test func brokenYAMLNamesTheLine() {
    #expect(message("name: a\nseed: [1\n").hasPrefix("a.yaml:"))
    #expect(message("name: a\nseed: [1\n").contains("not YAML"))
    #expect(message("name: a\nname: b\n") == "a.yaml:1: not YAML: name is set more than once")
    #expect(message("name: \"\u{7}\"").contains("not YAML"))
  }

  @Test func brokenOverridesAreNamed() {
    let expected = "expected key=value, such as optimizer.learningRate=3e-4"
    #expect(message("", "seed") == "--set seed: \(expected)")
    #expect(message("", "=3") == "--set =3: \(expected)")
    #expect(message("", "optimizer..seed=3") == "--set optimizer..seed=3: \(expected)")
    #expect(message("", "seed=[1").hasPrefix("--set seed=[1"))
  }

  /// Nine lines that stand for ten thousand million values, and files without end.
  @Test func configurationsThatExplodeAreRefused() throws {
    let folder = try TemporaryFolder()
    var laughs = "a: &a [x, x, x, x, x, x, x, x, x]\n"
    for (name, before) in zip("bcdefghij", "abcdefghi") {
      let nine = [String](repeating: "*\(before)", count: 9).joined(separator: ", ")
      laughs += "\(name): &\(name) [\(nine)]\n"
    }
    let path = folder.path + "/laughs.yaml"
    try laughs.write(toFile: path, atomically: false, encoding: .utf8)
    func message(_ file: String) -> String {
      do {
        return "\(try ConfigurationReader.read(Settings.self, file: file))"
      } catch { return "\(error)" }
    }
    #expect(
      message(path)
        == "\(path): not YAML: expected at most 100000 values, aliases (*name) included, found more"
    )
    #expect(
      message("/dev/zero") == "/dev/zero: not YAML: expected at most 1048576 bytes, found more")
    let brackets = String(repeating: "[", count: 100_000)
    try "seed: \(brackets)".write(toFile: path, atomically: false, encoding: .utf8)
    #expect(message(path).hasPrefix("\(path):1: not YAML: Maximum nesting level reached"))
    try "seed: \(String(repeating: "9", count: 5000))"
      .write(toFile: path, atomically: false, encoding: .utf8)
    #expect(
      message(path)
        == "seed: expected a whole number of 0 or more, found \(String(repeating: "9", count: 79))…"
    )
  }

  @Test func aMissingFileIsNamed() {
    #expect(throws: FileError.failed(operation: "read", path: "/nowhere/a.yaml", code: ENOENT)) {
      try ConfigurationReader.read(Settings.self, file: "/nowhere/a.yaml")
    }
  }

  @Test func whatIsWrittenIsReadBackExactly() throws {
    var settings = Settings()
    settings.name = "true: 'yes' # \u{1F600}\nsecond line"
    settings.optimizer.learningRate = 0.1
    settings.optimizer.weightDecay = 1.0 / 3
    settings.duration = .minutes(2.5)
    settings.crops = [CropSettings(probability: 0, scale: []), CropSettings()]
    settings.teacher = TeacherSettings()
    settings.limit = nil
    settings.weights = ["a": .infinity]
    let yaml = try ConfigurationReader.yaml(of: settings)
    #expect(try read(yaml) == settings, "\(yaml)")
    for name in ["null", "~", "", "123", "1e5", "on", " padded ", "- dash", "a: b", "*a"] {
      settings.name = name
      #expect(try read(ConfigurationReader.yaml(of: settings)).name == name)
    }
  }

  @Test func theWrittenFormIsReadable() throws {
    #expect(
      try ConfigurationReader.yaml(of: Settings()) == """
        name: run
        seed: 0
        duration:
          epochs: 10.0
          steps: null
          minutes: null
        optimizer:
          learningRate: 0.001
          weightDecay: 0.05
          warmupSteps: null
        regularizer: sigreg
        crops:
        - probability: 1.0
          scale: [0.3, 1.0]
        teacher: null
        weights:
          energy: 1.0
        limit: 3

        """)
  }

  @Test func differencesNameOldAndNew() throws {
    let old = Settings()
    var new = old
    #expect(try ConfigurationReader.differences(between: old, and: new).isEmpty)
    new.optimizer.learningRate = 3e-4
    new.duration = .steps(5)
    new.teacher = TeacherSettings(momentum: 0.9)
    let differences = try ConfigurationReader.differences(
      between: old, and: new, allowing: ["duration"])
    #expect(
      differences.map(\.description) == [
        "optimizer.learningRate was 0.001, now 0.0003",
        "teacher was null, now not set",
        "teacher.momentum was not set, now 0.9",
        "teacher.centered was not set, now false",
      ])
  }

  @Test func editDistanceCountsSwapsAsOne() {
    #expect(editDistance("", "abc") == 3)
    #expect(editDistance("kitten", "sitting") == 3)
    #expect(editDistance("epcohs", "epochs") == 1)
    #expect(editDistance("same", "same") == 0)
  }
}
