import Embeddings
import Files
import Foundation
import ImageJEPA
import Pictures
import Torch

/// What a model sees of pictures, token by token, drawn over them.
public struct TokenPictures {
  private let model: ImageModel
  private let method: (any TrainingMethod)?
  private let decoder: ImageDecoder
  /// The side of a picture on the sheet, in pixels.
  private static let tileSize = 224
  private static let opacity: Float = 0.62

  /// - Parameters:
  ///   - method: the method that the model was trained by, with its predictor; nil draws no energy.
  public init(
    model: ImageModel, method: (any TrainingMethod)?, decoder: ImageDecoder = ImageDecoder()
  ) {
    self.model = model
    self.method = method
    self.decoder = decoder
  }

  /// Opens a checkpoint; one that was not trained here has no method.
  ///
  /// - Throws: what loading a model throws.
  public init(
    checkpoint path: String, device: Device = .cpu, decoder: ImageDecoder = ImageDecoder()
  ) throws {
    self.decoder = decoder
    model = try ImageModel.load(from: path, device: device)
    let folder = PathParts(model.path).folder
    let isTrained = FileManager.default.fileExists(atPath: "\(folder)/config.yaml")
    method =
      isTrained
      ? try ImageTrainingConfiguration.loadMethod(from: folder, device: device).method : nil
  }

  /// A place on the grid of tokens, from 0 at the top left.
  public struct Patch: Equatable, Sendable {
    public let row: Int
    public let column: Int

    public init(row: Int, column: Int) {
      self.row = row
      self.column = column
    }

    /// Reads `y,x`.
    public init?(_ text: String) {
      let parts = text.split(separator: ",", omittingEmptySubsequences: false)
      guard parts.count == 2, let row = Int(parts[0]), let column = Int(parts[1]), row >= 0,
        column >= 0
      else { return nil }
      self.init(row: row, column: column)
    }
  }

  private var grid: TokenGrid { model.encoder.grid(imageSize: model.preprocessing.imageSize) }

  /// Draws a row for each picture: the picture, its tokens' principal components as colours, how similar
  /// the tokens are to one of them, and where prediction fails.
  ///
  /// - Parameters:
  ///   - patch: the token that others are compared with; nil leaves that out.
  /// - Returns: a remark on what could not be drawn.
  /// - Throws: `ImageError` for a picture that cannot be read; `InputError.invalidSetting` for a
  ///   patch outside of the grid.
  public func write(_ pictures: [String], patch: Patch? = nil, to output: String) throws -> String?
  {
    let (grid, size) = (grid, model.preprocessing.imageSize)
    if let patch, patch.row >= grid.height || patch.column >= grid.width {
      throw InputError.invalidSetting(
        name: "patch", expected: "y,x within 0,0 to \(grid.height - 1),\(grid.width - 1)",
        found: "\(patch.row),\(patch.column)")
    }
    let inputs = try pictures.map { path in
      Tensor(
        try decoder.square(
          contentsOf: path, size: size, filter: model.preprocessing.filter,
          normalization: model.preprocessing.normalization), shape: [1, 3, size, size]
      ).to(device: model.device)
    }
    let tokens = inputs.map { input in
      model.encoder.inferring { model.encoder.tokens(of: input).to(device: .cpu) }[0]
    }
    let colours = Self.colours(of: tokens)
    // Tokens are compared about the mean of all of them, as embeddings are.
    let mean = Tensor.concatenate(tokens).mean(0, keepingDimensions: true)
    var sheet = ContactSheet(tileSize: Self.tileSize)
    var hasEnergy = true
    for (index, path) in pictures.enumerated() {
      let picture = RGBImage(
        planes: try decoder.square(
          contentsOf: path, size: Self.tileSize, normalization: .identity),
        width: Self.tileSize, height: Self.tileSize)
      var tiles = [
        ContactSheet.Tile(picture, caption: "picture"),
        ContactSheet.Tile(
          picture.overlaid(grid, opacity: Self.opacity) { colours[index][$0] },
          caption: "tokens, PCA"),
      ]
      if let patch {
        tiles.append(similarityTile(tokens[index] - mean, patch: patch, over: picture))
      }
      if let method, let map = TokenEnergyMap(of: inputs[index], method: method, grid: grid) {
        tiles.append(
          ContactSheet.Tile(
            picture.overlaid(grid, opacity: Self.opacity) { HeatScale.color(map.relative[$0]) },
            caption: String(format: "energy %.3f-%.3f", map.least, map.greatest)))
      } else {
        hasEnergy = false
      }
      sheet.append(row: tiles)
    }
    try sheet.draw().write(toPNG: output)
    guard !hasEnergy else { return nil }
    return method == nil
      ? "no energy map: this model has no predictor beside it"
      : "no energy map: the method that trained this model predicts no tokens"
  }

  /// The cosine of every token with one of them; 0 and below is cold, 1 is hot.
  private func similarityTile(
    _ centred: Tensor, patch: Patch, over picture: RGBImage
  ) -> ContactSheet.Tile {
    let directions =
      centred / centred.norm(1, keepingDimensions: true).clamped(to: 1e-12...(.infinity))
    let place = patch.row * grid.width + patch.column
    let similarities = directions.matmul(directions[place].unsqueezed(1)).flattened()
      .array(of: Float.self)
    var image = picture.overlaid(grid, opacity: Self.opacity) {
      HeatScale.color(max(0, similarities[$0]))
    }
    image.outline(grid, place: place)
    return ContactSheet.Tile(image, caption: "like patch \(patch.row),\(patch.column)")
  }

  /// The first three principal components of all tokens as red, green and blue, from the 2nd to the 98th
  /// percentile.
  private static func colours(of tokens: [Tensor]) -> [[RGBColor]] {
    let all = Tensor.concatenate(tokens)
    let coordinates = PrincipalComponents(of: all, count: 3)(all)
    let (count, width) = (coordinates.size(0), coordinates.size(1))
    let values = coordinates.array(of: Float.self)
    let channels = (0..<3).map { channel -> [UInt8] in
      guard channel < width else { return Array(repeating: 128, count: count) }
      let column = (0..<count).map { values[$0 * width + channel] }
      let sorted = column.sorted()
      let (low, high) = (sorted[count * 2 / 100], sorted[(count - 1) * 98 / 100])
      let scale = high > low ? 255 / (high - low) : 0
      return column.map { UInt8(min(max(($0 - low) * scale, 0), 255).rounded()) }
    }
    var colours = (0..<count).map { RGBColor(channels[0][$0], channels[1][$0], channels[2][$0]) }[
      ...]
    return tokens.map { tokens in
      defer { colours = colours.dropFirst(tokens.size(0)) }
      return Array(colours.prefix(tokens.size(0)))
    }
  }
}

/// Colours from cold (0) to hot (1) that grow lighter evenly.
enum HeatScale {
  private static let stops: [SIMD3<Float>] = [
    [13, 8, 64], [84, 19, 135], [170, 44, 121], [232, 96, 71], [252, 176, 62], [252, 250, 190],
  ]

  static func color(_ value: Float) -> RGBColor {
    let place = min(max(value, 0), 1) * Float(stops.count - 1)
    let first = min(Int(place), stops.count - 2)
    let mixed = stops[first] + (stops[first + 1] - stops[first]) * (place - Float(first))
    return RGBColor(UInt8(mixed.x.rounded()), UInt8(mixed.y.rounded()), UInt8(mixed.z.rounded()))
  }
}
