import ArgumentParser
import Embeddings
import Evaluation
import Files

/// `jepa outliers`
struct Outliers: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Find the pictures that are far from all others.",
    usage: "jepa outliers [<options>] --embeddings <embeddings>",
    discussion: """
      Ranks pictures by the distance of their embeddings to the neighbour number --k: sqrt(2 - 2 \
      cosine), after the mean is subtracted. Beside it stands by how many deviations it is above \
      the median; above 3.5 is rare among pictures of one kind. Which part of a picture is odd is \
      what jepa anomalies finds. The sheet has each outlier beside its nearest neighbours. All \
      pairs are compared; no picture is changed.

        jepa outliers --embeddings photos.npy --output odd.png
      """)

  @OptionGroup var curation: CurationArguments

  @Option(help: "How many pictures are named.")
  var top = 20

  @Option(help: "Which nearest neighbour decides: groups of so many odd pictures are found too.")
  var k = 5

  func validate() throws { try OptionRange.check(["--top": top, "--k": k], atLeast: 1) }

  func run() throws {
    let report = try OutlierReport(of: try curation.open(), k: k, top: top)
    printResult(curation.json ? try report.json() : report.table)
    try curation.draw(report.sheet)
  }
}
