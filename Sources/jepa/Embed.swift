import ArgumentParser
import Embeddings
import Evaluation
import Files
import Foundation
import Frames
import ImageJEPA
import Torch
import TrainingRuns

extension Pooling: ExpressibleByArgument {}
extension EmbeddingDType: ExpressibleByArgument {}
extension Precision: ExpressibleByArgument {}

/// The formats of files, with what is to be known of them.
private let formats = EmbeddingFormat.all.compactMap { format in
  format.ending.map { ".\($0)" + (format.note.map { " (\($0))" } ?? "") }
}.joined(separator: ", ")

/// `jepa embed`
struct Embed: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Write the embedding of every picture to a file.",
    usage: """
      jepa embed [<options>] [<inputs> ...] --checkpoint <checkpoint>
          --output <output>
      """,
    discussion: """
      INPUTs are folders of pictures, pictures and videos (one row a frame; ffmpeg reads them). \
      The ending of --output says the format: \(formats); \
      a name without an ending is a folder for TensorBoard's embedding projector. A file is embedded once, by however many paths and links \
      it is named. What is skipped is named; where it is more than ten files, all are listed in \
      NAME.skipped.csv.

        jepa embed photos --checkpoint checkpoints/photos --output photos.npy
        find photos -name '*.jpg' | jepa embed --files-from - \\
          --checkpoint checkpoints/photos --output photos.npz
      """)

  @Argument(help: "Folders of pictures, pictures, and videos.", completion: .file())
  var inputs: [String] = []

  @Option(
    help: ArgumentHelp(
      "A file of paths in UTF-8, one a line or each ended by NUL, as find -print0 writes them; "
        + "- for the standard input; may be repeated.",
      valueName: "list"), completion: .file())
  var filesFrom: [String] = []

  @Flag(help: "Folders hold the frames of one video each: a row says which frame it is, and when.")
  var frames = false

  @Option(help: "One frame in so many is embedded.")
  var every = 1

  @Option(help: "Frames a second of frame folders.")
  var fps = 25.0

  @Option(help: "A run folder or a checkpoint's folder.", completion: .directory)
  var checkpoint: String

  @Option(
    help: "The file to write, or the folder for the embedding projector.", completion: .file())
  var output: String

  @Option(help: "How a picture's tokens become one embedding.")
  var pool = Pooling.mean

  @Option(
    help: ArgumentHelp(
      "The layer whose tokens are pooled: -1 is the encoder's output, -2 what the last block but "
        + "one leaves, …; 1 is the first block."))
  var layer = -1

  @Flag(
    help: """
      Put a small picture into each line of a .jsonl file, as an image's address \
      (data:image/jpeg;base64,…), for tools that show them.
      """)
  var thumbnails = false

  @Flag(help: "Divide each embedding by its length.")
  var normalize = false

  @Option(
    help: """
      What the encoder computes in; automatic is bfloat16 where the processor multiplies it. Says \
      nothing of what is written: see --dtype.
      """)
  var precision = Precision.automatic

  @Option(help: "What the written numbers are kept in, whatever they were computed in.")
  var dtype = EmbeddingDType.float32

  @Option(help: "Pictures embedded at once.")
  var batch = 32

  @Option(help: "Threads that decode pictures; one for each core by default.")
  var workers = ProcessInfo.processInfo.activeProcessorCount

  @Option(help: "Threads of one operation; one for each core by default.")
  var threads: Int?

  @Option(help: "cpu, cuda, cuda:INDEX or mps.", completion: .devices)
  var device = "cpu"

  @Flag(help: "Go on from where an export of the same pictures was interrupted.")
  var resume = false

  @Flag(
    help: """
      A picture that cannot be read is an error, also a file that is named like one and is none.
      """)
  var strict = false

  @OptionGroup var outputs: OutputArguments

  @OptionGroup var together: ProcessOptions

  @OptionGroup var progress: ProgressArguments

  @OptionGroup var pictures: PictureOptions

  func validate() throws {
    guard !inputs.isEmpty || !filesFrom.isEmpty else {
      throw ValidationError("name pictures to embed, or a list of them with --files-from")
    }
    try OptionRange.check(
      ["--every": every, "--batch": batch, "--workers": workers], atLeast: 1)
    try OptionRange.check("--fps", positive: fps)
    try ThreadCount.check(threads)
  }

  func run() throws { try together.run(run(in:)) }

  private func run(in group: ProcessGroup?) throws {
    if group != nil, filesFrom.contains("-") {
      throw ValidationError(
        "--files-from -: one process alone has the standard input; expected a file that all read")
    }
    ProcessOptions.setThreads(threads, in: group)
    var settings = EmbeddingSettings()
    settings.pooling = pool
    settings.layer = layer
    settings.isNormalized = normalize
    settings.dtype = dtype
    let device = try Device(device)
    let product = precision.resolved(on: device)
    settings.arithmetic = product == nil ? .float32 : .bfloat16
    let model = try ImageModel.load(from: checkpoint, device: device, precision: product)
    Session.keepFreedMemory()
    let frameOptions = FrameOptions(
      every: every, shortSide: model.preprocessing.imageSize, assumedFramesPerSecond: fps,
      resizesFrames: true, decoder: pictures.decoder)
    let export = try EmbeddingExport(
      embedder: PictureEmbedder(model: model, settings: settings), batchSize: batch,
      workers: workers, isStrict: strict, hasThumbnails: thumbnails, decoder: pictures.decoder)
    let pictures = try PictureInputs(
      inputs, lists: filesFrom, foldersAreFrames: frames, frameOptions: frameOptions)
    if let group, !group.isFirst {
      return try export.takePart(pictures, until: StopSignal(), in: group)
    }
    printResult(
      try export.run(
        pictures, to: output, reading: inputs + filesFrom.filter { $0 != "-" } + [checkpoint],
        isResuming: resume, isForced: outputs.force, until: StopSignal(), in: group))
  }
}
