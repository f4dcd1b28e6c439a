import ArgumentParser
import Embeddings
import Evaluation
import Files
import Foundation

extension DuplicateGroups.Link: ExpressibleByArgument {}
extension DuplicateSearch.Keep: ExpressibleByArgument {}
extension DuplicateSearch.Confirmation: ExpressibleByArgument {}

/// `jepa duplicates`
struct Duplicates: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Find groups of pictures that are nearly the same, and say which could go.",
    usage: "jepa duplicates [<options>] --embeddings <embeddings>",
    discussion: """
      A group is a picture to keep, the first, and copies of it: files of the same bytes, and \
      pictures that agree with it pixel by pixel where one lies in the other: in another size or \
      quality, grey, mirrored, cut, framed or with a caption. Embeddings say which pictures are \
      compared; where a picture cannot be looked at (frames of videos, files that are not there) or \
      with --confirm none, they decide: by a cosine of --threshold or more, after the mean of \
      different pictures is subtracted. Among fewer than eight different pictures no mean is \
      subtracted, and the cosine must be 15 times nearer to 1. Nothing is removed: the table says \
      what could go, and --print0 hands it to a program that does it. Links to a kept file, \
      symbolic links, frames of videos and pictures that are not there never go. The order of \
      the rows does not matter: paths decide.

        jepa duplicates --embeddings photos.npy --output groups.png
        jepa duplicates --embeddings photos.npy --keep best --print0 | xargs -0 mv --backup=numbered -t spare --
        jepa duplicates --embeddings all.npy --across library inbox --print0 | xargs -0 rm --
      """)

  @Option(help: "A file that jepa embed wrote.", completion: .embeddings)
  var embeddings: String

  @Option(
    help: """
      What decides that pictures are copies: pixels, the pictures themselves, which embeddings \
      propose; none, the cosine of their embeddings, and nothing goes that was changed since.
      """)
  var confirm = DuplicateSearch.Confirmation.pixels

  @Option(help: "The least agreement of the pixels of copies, where they are compared.")
  var agreement = DuplicateSearch.defaultAgreement

  @Option(help: "The least cosine of copies, where embeddings decide.")
  var threshold = DuplicateGroups.defaultThreshold

  @Option(
    help: """
      What makes a group: star, each is near the one that is kept; complete, each is near each \
      other; single, each is near some other, and what is not near the one that is kept stays.
      """)
  var link = DuplicateGroups.Link.star

  @Option(
    help: """
      Which of a group is kept: the first by its path; the largest, of most pixels; the best, which \
      needs the most bytes as a PNG of 64 levels, so that smaller, blurred, grey and badly \
      compressed copies lose.
      """)
  var keep = DuplicateSearch.Keep.first

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp(
      "Two folders: only copies in the second of what is in the first, of which nothing could go.",
      valueName: "folder"), completion: .directory)
  var across: [String] = []

  @Option(
    help: "A contact sheet to draw, a PNG file: the first 20 groups, up to 10 pictures of each.",
    completion: .file(extensions: ["png"]))
  var output: String?

  @Flag(help: "Print JSON instead of a table.")
  var json = false

  @Flag(
    name: .customLong("print0"),
    help: "Print nothing but the paths that could go, each ended by NUL, for xargs -0.")
  var printsList = false

  @OptionGroup var outputs: OutputArguments

  @OptionGroup var progress: ProgressArguments

  @OptionGroup var pictures: PictureOptions

  func validate() throws {
    guard across.isEmpty || across.count == 2 else {
      throw ValidationError("--across: expected two folders, found \(across.count)")
    }
    guard across.isEmpty || (link == .star && keep == .first) else {
      throw ValidationError(
        "--across keeps what is in its first folder: leave --link and --keep out")
    }
    guard !json || !printsList else { throw ValidationError("give one of --json and --print0") }
  }

  func run() throws {
    try outputs.check(
      output.map { OutputFile("--output", $0, .picture) },
      against: EmbeddingFile.files(of: embeddings))
    var search = DuplicateSearch(
      try EmbeddingFile(path: embeddings), decoder: pictures.decoder)
    search.threshold = threshold
    search.confirmation = confirm
    search.leastAgreement = agreement
    search.link = link
    search.keep = keep
    search.across = across.isEmpty ? nil : .init(kept: across[0], searched: across[1])
    let report = try search.run()
    // Before the list, whose reader may take pictures away.
    if let output { try draw(report, to: output) }
    if printsList {
      for path in report.removable { print(path, terminator: "\0") }
      for line in [report.summary] + report.remarks { StatusLine.standardError.print(line) }
    } else {
      printResult(json ? try report.json() : report.table)
    }
  }

  private func draw(_ report: DuplicateReport, to output: String) throws {
    guard !report.groups.isEmpty else {
      StatusLine.standardError.print("no group to draw")
      return
    }
    try report.sheet.draw(to: output, decoder: pictures.decoder)
    if let remark = report.sheetRemark { StatusLine.standardError.print(remark) }
  }
}
