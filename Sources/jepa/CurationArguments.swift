import ArgumentParser
import Embeddings
import Evaluation
import Files

/// What the commands that look through a file of embeddings ask.
struct CurationArguments: ParsableArguments {
  @Option(help: "A file that jepa embed wrote.", completion: .embeddings)
  var embeddings: String

  @Option(help: "A contact sheet to draw, a PNG file.", completion: .file(extensions: ["png"]))
  var output: String?

  @Flag(help: "Print JSON instead of a table.")
  var json = false

  @OptionGroup var outputs: OutputArguments

  @OptionGroup var progress: ProgressArguments

  @OptionGroup var pictures: PictureOptions

  /// The file, once it is certain that what is asked for can be written.
  func open(alsoWriting file: OutputFile? = nil) throws -> EmbeddingFile {
    try outputs.check(
      output.map { OutputFile("--output", $0, .picture) }, file,
      against: EmbeddingFile.files(of: embeddings))
    return try EmbeddingFile(path: embeddings)
  }

  func draw(_ sheet: @autoclosure () -> PictureSheet, remark: String? = nil) throws {
    guard let output else { return }
    try sheet().draw(to: output, decoder: pictures.decoder)
    if let remark { StatusLine.standardError.print(remark) }
  }
}
