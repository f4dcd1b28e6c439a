import ArgumentParser
import Pictures

/// How pictures are decoded, for every command that reads them.
struct PictureOptions: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: """
      Skip a picture of which more megapixels would be held in memory. JPEGs are scaled down while \
      they are decoded, so that larger ones are read; progressive ones and PNGs are held whole. \
      100 by default.
      """)
  var maxMegapixels: Double?

  func validate() throws {
    guard let maxMegapixels, !(maxMegapixels > 0 && maxMegapixels <= 100_000) else { return }
    throw ValidationError(
      "--max-megapixels: expected above 0, at most 100000, found \(maxMegapixels)")
  }

  var decoder: ImageDecoder {
    pixelBudget.map { ImageDecoder(pixelBudget: $0) } ?? ImageDecoder()
  }

  /// The same as a setting of training.
  var override: (key: String, value: String?) {
    ("decoder.pixelBudget", pixelBudget.map(String.init))
  }

  private var pixelBudget: Int? { maxMegapixels.map { Int(($0 * 1e6).rounded()) } }
}
