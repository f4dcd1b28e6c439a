import Embeddings
import Foundation
import ImageJEPA
import Logging
import Pictures
import TrainingRuns

/// The main job on the bundled pictures, from training to proof.
public struct DemoRun {
  private let data: String
  private let output: String
  private let minutes: Double
  private let say: (String) -> Void

  /// - Parameters:
  ///   - data: a folder with `train` and `test`, each with a folder for each class.
  ///   - output: the run folder; nil for the first free of `checkpoints/demo`, `checkpoints/demo-2`, …
  ///   - minutes: how long to train.
  public init(
    data: String, output: String?, minutes: Double, say: @escaping (String) -> Void
  ) {
    self.data = data
    self.output = output ?? Self.freeFolder()
    self.minutes = minutes
    self.say = say
  }

  private static func freeFolder() -> String {
    let names = ["checkpoints/demo"] + (2...).lazy.prefix(998).map { "checkpoints/demo-\($0)" }
    return names.first { !FileManager.default.fileExists(atPath: $0) } ?? "checkpoints/demo"
  }

  public func run() throws {
    try BundledPictures.unpack(to: data)
    let (train, test) = ("\(data)/train", "\(data)/test")
    say("1/4 Training on \(train) for \(String(format: "%g", minutes)) minutes, without labels")
    let outcome = try ImageTrainingSession(
      folder: train, output: output,
      overrides: ["duration.minutes=\(minutes)"] + Self.settings
    ).run()
    guard outcome.isFinished else { return }

    say("\n2/4 Evaluating: labels are used only here")
    let report = try ModelEvaluation(checkpoint: output).run(train: train, test: test)
    try Data(report.json().utf8).write(to: URL(fileURLWithPath: "\(output)/evaluation.json"))
    say(report.table)

    say("\n3/4 Embedding the test pictures")
    let model = try ImageModel.load(from: output)
    let embedder = try PictureEmbedder(model: model)
    let export = EmbeddingExport(embedder: embedder)
    say("\(try export.run(try PictureInputs([test]), to: "\(output)/embeddings.npy"))")

    say("\n4/4 Drawing contact sheets")
    try NeighbourSheet(embedder: embedder).write(
      queries: try ImageFolder(test), gallery: try ImageFolder(train),
      to: "\(output)/neighbours.png")
    let configuration = try RunFolder.configuration(ImageTrainingConfiguration.self, at: output)
    _ = try configuration.previewSheet(pictureCount: 6)
      .write(folder: train, to: "\(output)/views.png")
    say(
      """
      \(output)/neighbours.png: test pictures and their nearest neighbours
      \(output)/views.png: what training saw

      \(report.verdict)

      Now with your own folder of pictures:
        scripts/jepa train images FOLDER --output checkpoints/mine --minutes 20
        scripts/jepa embed FOLDER --checkpoint checkpoints/mine --output mine.npy
      """)
  }

  /// What the demo sets: pictures of this size, few as they are, and a small encoder.
  private static let settings = ["imageSize=64"]
}
