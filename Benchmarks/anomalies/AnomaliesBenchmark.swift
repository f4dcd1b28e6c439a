import Evaluation
import Files
import Foundation
import ImageJEPA
import Pictures
import Torch

/// `run` says what it does.
@main struct AnomaliesBenchmark {
  static func main() throws {
    let arguments = Array(CommandLine.arguments.dropFirst())
    guard arguments.count >= 4, let count = Int(arguments.dropFirst(4).first ?? "120") else {
      fatalError("expected what Benchmarks/anomalies/run takes, found \(arguments)")
    }
    let (checkpoint, clean, pictures) = (arguments[1], arguments[2], arguments[3])
    switch arguments[0] {
    case "planted":
      let found = shuffled(try ImageFolder(pictures))
      // Of one folder the pictures come first, and the others are the reference.
      let reference =
        clean == pictures ? found.dropFirst(count) : shuffled(try ImageFolder(clean))[...]
      try PlantedDefects(
        checkpoint: checkpoint, reference: Array(reference.prefix(mostReferencePictures)),
        pictures: Array(found.prefix(count))
      ).run()
    case "one-class":
      try OneClass(
        checkpoint: checkpoint, train: try ImageFolder(clean), test: try ImageFolder(pictures),
        count: count
      ).run()
    case "plant":
      try PlantedDefects.write(
        Array(shuffled(try ImageFolder(pictures)).prefix(count)), size: Int(clean) ?? 128,
        to: checkpoint)
    default: fatalError("expected planted, one-class or plant, found \(arguments[0])")
    }
  }

  private static let mostReferencePictures = 400

  private static func shuffled(_ folder: ImageFolder) -> [ImageEntry] {
    var order = Array(0..<folder.count)
    var generator = SeededGenerator(seed: 11)
    generator.shuffle(&order)
    return order.map(folder.entry(of:))
  }
}

extension TokenReader {
  /// What is known of pictures.
  func table(of entries: [ImageEntry]) throws -> TokenTable {
    var parts: [TokenTable] = []
    _ = try read(entries, "") { parts.append($0) }
    return TokenTable(joining: parts)
  }
}

/// Ways to give pictures a number, fitted on the same clean pictures.
struct Contender {
  let names: [String]
  /// Of clean pictures to a function of others, whose results are those of each name: the higher, the odder.
  let fit: (TokenTable) -> (TokenTable) -> [[Double]]

  /// The rules of `jepa anomalies`.
  static func rules(_ prefix: String = "") -> Contender {
    Contender(
      names: ["distances alone (PatchCore)", "energy alone", "both"].map { prefix + $0 }
    ) { clean in
      let model = AnomalyModel.fit(clean).model
      return { table in
        let scores = model.scores(of: model.maps(of: table))
        return [scores.map(\.distance), scores.map { $0.energy ?? 0 }, scores.map(\.surprise)]
      }
    }
  }

  static var pixels: Contender {
    Contender(names: ["distances of pixels"]) { clean in
      let model = AnomalyModel.fit(clean).model
      return { [model.scores(of: model.maps(of: $0)).map(\.distance)] }
    }
  }

  /// A normal distribution of the tokens at each place, and the farthest token by Mahalanobis's distance:
  /// Defard et al. 2020, arXiv:2011.08785, with its 0.01 on the diagonal.
  static var padim: Contender {
    Contender(names: ["PaDiM on these tokens"]) { clean in
      let fits = (0..<clean.tokens.size(1)).map { place -> (mean: Tensor, precision: Tensor) in
        let rows = clean.tokens.select(place, along: 1).to(.float64)
        let mean = rows.mean(0, keepingDimensions: true)
        let centred = rows - mean
        let covariance =
          centred.transposed().matmul(centred) / Double(max(1, rows.size(0) - 1))
          + Tensor.identity(rows.size(1), dtype: .float64) * 0.01
        return (mean, covariance.positiveDefiniteInverse())
      }
      return { table in
        let distances = fits.enumerated().map { place, fit in
          let centred = table.tokens.select(place, along: 1).to(.float64) - fit.mean
          return (centred.matmul(fit.precision) * centred).sum(1)
        }
        return [Tensor.stack(distances).max(0).array(of: Double.self)]
      }
    }
  }
}

/// The table of squares of pixels in the place of tokens.
func pixelTable(_ pictures: Tensor, side: Int) -> TokenTable {
  let (count, size) = (pictures.size(0), pictures.size(2))
  let (grid, stride) = (side, size / side)
  let squares = pictures.reshaped(count, 3, grid, stride, grid, stride)
    .permuted(0, 2, 4, 1, 3, 5).reshaped(count, grid * grid, 3 * stride * stride)
  return TokenTable(
    names: Array(repeating: "", count: count), tokens: squares.contiguous())
}
