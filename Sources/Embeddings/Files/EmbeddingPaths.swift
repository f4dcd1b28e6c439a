import Files

/// The files of one export: the one that was asked for, and those beside it.
struct EmbeddingPaths {
  let output: String
  private let stem: String

  init(output: String) {
    self.output = output.hasSuffix("/") ? String(output.dropLast()) : output
    stem = PathParts(self.output).stem
  }

  /// The list of rows beside an array.
  var rows: String { stem + ".csv" }
  /// The description beside a file that has no place for it.
  var description: String { stem + ".json" }

  /// The file that was asked for.
  func main(_ kind: OutputKind) -> OutputFile { OutputFile("--output", output, kind) }
  /// The rows beside it, as a file.
  var rowsFile: OutputFile { OutputFile("the rows of --output", rows, .rows) }
  /// The description beside it, as a file.
  var descriptionFile: OutputFile {
    OutputFile("the description of --output", description, .description)
  }

  /// Every file that an export makes, with what it is.
  func files(of format: EmbeddingFormat) -> [OutputFile] {
    format.files(self)
      + [OutputFile("the list of what --output leaves out", skipped, .skippedList)]
  }

  /// Another export whose rows or description would be overwritten: it has the same name up to the ending.
  func neighbour(of format: EmbeddingFormat) -> String? {
    guard format.isDescribedBeside else { return nil }
    return EmbeddingFormat.all.filter { $0.isDescribedBeside && $0.ending != format.ending }
      .compactMap { $0.ending.map { "\(stem).\($0)" } }.first(where: isExport)
  }

  private func isExport(_ path: String) -> Bool {
    // The rows of an array are no export of their own.
    FileIdentity(path: path) != nil && !OutputKind.rows.isMade(path)
      && OutputKind.describedEmbeddings.isMade(path)
  }

  /// What was left out and why, where it is more than is printed.
  var skipped: String { stem + ".skipped.csv" }
  /// Where an export is until it is complete.
  var unfinished: String { output + ".unfinished" }
}
