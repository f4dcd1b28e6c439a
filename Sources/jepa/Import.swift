import ArgumentParser
import Evaluation
import Files
import ImageJEPA

/// `jepa import`
struct Import: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Take over a published model, such as one from Hugging Face.",
    usage: "jepa import [<options>] <folder> --output <output>",
    discussion: """
      FOLDER holds config.json and model.safetensors, or its shards and their index. What is made \
      of it is taken by evaluate, embed, visualize and train images --initial, and by \
      AutoModel.from_pretrained.

        jepa import vjepa2-vitl-fpc64-256 --output models/vjepa2
        jepa import vit_small_patch14_dinov2 --output models/dinov2
      """)

  /// What may be left out of a model.
  enum Part: String, CaseIterable, ExpressibleByArgument {
    case predictor
  }

  @Argument(help: "The folder of the published model.", completion: .directory)
  var folder: String

  @Option(help: "The folder to make.", completion: .directory)
  var output: String

  @Option(
    help: ArgumentHelp(
      "Whose names the tensors have; by default it is found out.", valueName: "layout"))
  var layout: ModelLayout?

  @Option(help: "Attention heads, for files that do not say.")
  var heads: Int?

  @Option(help: "A part that may be missing.")
  var allowMissing: [Part] = []

  @OptionGroup var progress: ProgressArguments

  func run() throws {
    try OutputFolder.check(output)
    printResult(
      try ModelImport(
        folder: folder, layout: layout, allowsMissingPredictor: allowMissing.contains(.predictor),
        heads: heads
      ).run(to: output))
  }
}

extension ModelLayout: ExpressibleByArgument {}
