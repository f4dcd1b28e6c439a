import ArgumentParser
import Evaluation
import Files
import Frames

/// `jepa make-clip`
struct MakeClip: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract:
      "Make a clip of moving things, clean or broken in known places, as a folder of frames.",
    usage: "jepa make-clip [<options>] --output <output>",
    discussion: """
      Writes frame-0000.png, … and labels.json, which says where the clip is broken. The same seed \
      gives the same clip. Faults: \(FaultKind.allCases.map(\.rawValue).joined(separator: ", ")).
      """)

  @Option(help: "The folder to make.", completion: .directory)
  var output: String

  @Option(
    help: "What is broken, in turn; may be repeated. The last four stand alone.",
    completion: .list(FaultKind.allCases.map(\.rawValue)))
  var fault: [String] = []

  @Option(help: "How many frames there are before any is dropped or added.")
  var frames = 96

  @Option(help: "The size of a frame.")
  var size = "96x72"

  @Option(
    help: "Pictures on white paper that move in the clip; shapes otherwise.", completion: .directory
  )
  var pictures: String?

  @Option(help: "The noise of each frame, in grey levels.")
  var noise: Float = 0

  @Option(help: "How far apart faults lie, in frames.")
  var spacing = 40

  @Option(help: "What everything is drawn from.")
  var seed: UInt64 = 1

  @OptionGroup var progress: ProgressArguments

  func validate() throws {
    guard let sides = FrameSize(size), (16...4096).contains(sides.width),
      (16...4096).contains(sides.height),
      (0.25...4).contains(Double(sides.width) / Double(sides.height))
    else {
      throw ValidationError(
        "--size: expected WIDTHxHEIGHT, such as 96x72, sides of 16 to 4096, no side above four times the "
          + "other, found \(size)")
    }
    for name in fault where FaultKind(rawValue: name) == nil {
      throw ValidationError("--fault: expected one of those listed by --help, found \(name)")
    }
    guard (5...100_000).contains(frames) else {
      throw ValidationError("--frames: expected 5 to 100000, found \(frames)")
    }
    // All frames are in memory before they are written.
    let bytes = frames * sides.width * sides.height * 3
    guard bytes <= 4 << 30 else {
      throw ValidationError(
        "--frames and --size: expected at most 4 GiB of pixels, found \(frames) frames of \(size), "
          + "\(bytes >> 30) GiB")
    }
    guard spacing >= 36 else {
      throw ValidationError("--spacing: expected 36 or more, found \(spacing)")
    }
    guard (0...255).contains(noise) else {
      throw ValidationError("--noise: expected 0 to 255, found \(noise)")
    }
  }

  func run() throws {
    try OutputFolder.check(output)
    let size = FrameSize(size)!
    let options = SyntheticClip.Options(
      width: size.width, height: size.height, frameCount: frames, noise: noise...noise)
    var folder = MadeUpClipFolder(
      options: options, seed: seed, faults: fault.compactMap(FaultKind.init(rawValue:)),
      pictures: try pictures.map { try CutOut.all(inFolder: $0, atMost: 400) } ?? [])
    folder.spacing = spacing
    try folder.write(to: output)
    printResult("wrote \(output)")
  }
}
