import Files
import Foundation
import ImageJEPA
import Pictures
import Torch
import TrainingRuns

/// Pictures beside what is found from their embeddings alone.
public struct InvertedPictures {
  private let model: ImageModel
  private let decoder: ImageDecoder

  public init(model: ImageModel, decoder: ImageDecoder = ImageDecoder()) {
    self.model = model
    self.decoder = decoder
  }

  /// Opens a checkpoint.
  ///
  /// - Throws: what loading a model throws.
  public init(
    checkpoint path: String, device: Device = .cpu, decoder: ImageDecoder = ImageDecoder()
  ) throws {
    self.init(model: try ImageModel.load(from: path, device: device), decoder: decoder)
  }

  /// Draws a row for each picture: the picture as the encoder gets it, then what is found from each part of
  /// its embedding.
  ///
  /// - Parameters:
  ///   - parts: what to invert.
  ///   - progress: says how far it is.
  /// - Returns: a line for each descent: its energies, and what to compare them with.
  /// - Throws: `ImageError` for a picture that cannot be read, before anything is computed;
  ///   `EvaluationError.notANumber` where the model's numbers are none.
  public func write(
    _ pictures: [String], parts: [InversionEnergy.Part] = InversionEnergy.Part.allCases,
    settings: PictureInversion.Settings = PictureInversion.Settings(), to output: String,
    progress: WorkProgress = WorkProgress()
  ) throws -> [String] {
    let size = model.preprocessing.imageSize
    let originals = try pictures.map { path in
      Tensor(
        try decoder.square(
          contentsOf: path, size: size, filter: model.preprocessing.filter,
          normalization: .identity), shape: [3, size, size])
    }
    let invert = PictureInversion(model, settings: settings)
    // Whole multiples, so that pixels stay pixels.
    var sheet = ContactSheet(tileSize: size * max(1, 224 / size))
    var lines: [String] = []
    progress.begin(
      "inverting", total: originals.count * parts.count * settings.steps, of: "steps")
    for (index, path) in pictures.enumerated() {
      var tiles = [ContactSheet.Tile(image(originals[index]), caption: "picture")]
      for part in parts {
        let result = invert(of: originals[index], part: part) { _ in progress.advance() }
        guard let result else {
          throw EvaluationError.notANumber(purpose: "the energy of \(path)", item: index)
        }
        lines.append("\(path), \(part.rawValue): \(Self.summary(of: result))")
        tiles.append(
          ContactSheet.Tile(
            image(result.picture),
            caption: String(format: "of %@ %.3f", part.rawValue, result.energy)))
      }
      sheet.append(row: tiles)
    }
    progress.clear()
    try sheet.draw().write(toPNG: output)
    return lines
  }

  private func image(_ picture: Tensor) -> RGBImage {
    RGBImage(
      planes: picture.contiguous().array(of: Float.self), width: picture.size(2),
      height: picture.size(1))
  }

  private static func summary(of result: PictureInversion.Result) -> String {
    String(
      format:
        "energy %.3f at the start, %.3f at the end; the picture itself has %.3f, blurred %.3f",
      result.startEnergy, result.energy, result.originalEnergy, result.blurredEnergy)
  }
}
