import ArgumentParser
import Embeddings
import Evaluation
import Files

/// `jepa sample`
struct Sample: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Choose a few pictures that stand for all.",
    usage: "jepa sample [<options>] --embeddings <embeddings> --count <count>",
    discussion: """
      The first picture is the one that is most similar to all, each next one that whose embedding \
      is farthest from those chosen, about the mean. So rare pictures are in the sample, frequent \
      ones are thinned out, copies are left out, and the first n of it are the sample of n. The last \
      line says how far the worst picture is from the sample. No picture is changed.

        jepa sample --embeddings photos.npy --count 100 --output sample.png
        jepa sample --embeddings photos.npy --count 100 --print0 | xargs -0 cp --backup=numbered -t labelled --
      """)

  @OptionGroup var curation: CurationArguments

  @Option(help: "How many pictures are chosen.")
  var count: Int

  @Flag(
    name: .customLong("print0"),
    help: "Print nothing but the paths, each ended by NUL, for xargs -0; none of frames of videos.")
  var printsList = false

  func validate() throws {
    try OptionRange.check(["--count": count], atLeast: 1)
    guard !curation.json || !printsList else {
      throw ValidationError("give one of --json and --print0")
    }
  }

  func run() throws {
    let report = try SampleReport(count, of: try curation.open())
    if printsList {
      for path in report.paths { print(path, terminator: "\0") }
      StatusLine.standardError.print(report.summary)
    } else {
      printResult(curation.json ? try report.json() : report.table)
    }
    try curation.draw(report.sheet, remark: report.sheetRemark)
  }
}
