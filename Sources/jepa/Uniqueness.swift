import ArgumentParser
import Embeddings
import Evaluation
import Files

/// `jepa uniqueness`
struct Uniqueness: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Say how much each picture differs from the others.",
    usage: "jepa uniqueness [<options>] --embeddings <embeddings>",
    discussion: """
      Gives each picture a number from 0 to 1: the weighted distance of its embedding to the three \
      nearest others (.6, .3 and .1), after the mean is subtracted, over the greatest of all. 0 is a \
      picture with three copies. The table shows both ends, each with its nearest; --json and --csv \
      have all. All pairs are compared; no picture is changed.

        jepa uniqueness --embeddings photos.npy --csv unique.csv --output ends.png
      """)

  @OptionGroup var curation: CurationArguments

  @Option(help: "Write one row a picture as CSV.", completion: .file(extensions: ["csv"]))
  var csv: String?

  func run() throws {
    let file = try curation.open(
      alsoWriting: csv.map { OutputFile("--csv", $0, .uniquenessTable) })
    let report = try UniquenessReport(of: file)
    printResult(curation.json ? try report.json() : report.table)
    if let csv { try DurableFile.replace(csv, with: Array(report.csv.utf8)) }
    try curation.draw(report.sheet)
  }
}
