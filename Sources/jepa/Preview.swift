import ArgumentParser
import Evaluation
import Files
import Foundation
import ImageJEPA
import Pictures
import TrainingRuns

/// `jepa preview`
struct Preview: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Draw what training sees: pictures, their corrupted views and masks.",
    usage: "jepa preview [<options>] <folder> --output <output>")

  @Argument(help: "The folder of pictures.", completion: .directory)
  var folder: String

  @Option(help: "The PNG file to write.", completion: .file(extensions: ["png"]))
  var output: String

  @Option(
    help: ArgumentHelp("The method whose views are drawn.", valueName: "method"),
    completion: .list(MethodName.allCases.map(\.rawValue)))
  var method: String?

  @Option(
    help: "A YAML file of settings, such as a run's config.yaml.",
    completion: .file(extensions: ["yaml", "yml"]))
  var config: String?

  @Option(
    name: .customLong("set"),
    help: ArgumentHelp("A setting; may be repeated.", valueName: "key=value"))
  var settings: [String] = []

  @Option(help: "How many pictures.")
  var pictures = 6

  @OptionGroup var outputs: OutputArguments

  @OptionGroup var decoding: PictureOptions

  func run() throws {
    try outputs.check(
      OutputFile("--output", output, .picture), against: [folder] + [config].compactMap { $0 })
    let pictureFolder = try ImageFolder(folder)
    let configuration = try ConfigurationReader.read(
      ImageTrainingConfiguration.self, file: config,
      overrides: [("method.name", method), decoding.override].compactMap { key, value in
        value.map { "\(key)=\($0)" }
      } + settings
    ).resolved(for: pictureFolder)
    let failures = try configuration.previewSheet(pictureCount: pictures)
      .write(folder: folder, to: output)
    for failure in failures { printResult("not drawn: \(failure.error)") }
    printResult("wrote \(output)")
  }
}
