import EnergyDescent
import Torch

/// How far the embedding of a picture x is from a given one s, and how rough x is; over pixels it finds what
/// the encoder f cannot tell from the picture that s was made of.
///
///     E(x) = |f(x) - s|^2 / |f(grey) - s|^2 + w R(x)
///     R(x) = mean over pixels of sqrt(|x right - x|^2 + |x below - x|^2 + c^2) - c
///
/// The distance is 1 for a plain grey picture, so that one w suits encoders of any scale. R is the total
/// variation, rounded where it is 0 (Charbonnier): it takes away speckles that the encoder does not see, and
/// leaves edges sharp, since a step costs its height; its square would cost less in several small steps. c
/// is 0.02 of the range of a pixel.
///
/// What varies is a picture in octaves: tensors `[n, 3, s, s]` of the whole side, its half, its quarter and
/// so on, enlarged and added up, then squeezed into 0...1 by the logistic function. Coarse octaves move large
/// areas at once. On pixels alone a descent ends in outlines without areas.
///
/// Mahendran and Vedaldi 2015, "Understanding deep image representations by inverting them",
/// arXiv:1412.0035, with their p-norm replaced by the bounds, and octaves in place of their jitter.
public struct InversionEnergy: Energy {
  /// What of a picture's tokens has to be found again.
  public enum Part: String, CaseIterable, Sendable {
    /// Each token, at its place.
    case tokens
    /// The tokens' mean: the embedding of the whole picture.
    case pooled
  }

  private let model: ImageModel
  private let part: Part
  private let smoothness: Double
  /// s, `[B, N, D]`, or `[B, 1, D]` pooled.
  private let target: Tensor
  /// `[B]`: |f(grey) - s|^2.
  private let greyDistances: Tensor

  private static let rounding = 0.02
  /// A distance from grey below this share of |s|^2 is no measure: the picture is grey, or the model collapsed.
  private static let leastGreyShare = 1e-3

  /// - Parameters:
  ///   - pictures: whose embeddings are looked for, `[B, 3, S, S]` in 0...1, on the model's device and of
  ///     its weights' type.
  ///   - part: all tokens, or their mean.
  ///   - model: whose embeddings they are.
  ///   - smoothness: w, at least 0.
  public init(of pictures: Tensor, part: Part, model: ImageModel, smoothness: Double) {
    precondition(smoothness >= 0, "a smoothness of \(smoothness)")
    self.model = model
    self.part = part
    self.smoothness = smoothness
    (target, greyDistances) = withoutGradient {
      let target = Self.embeddings(of: pictures, part: part, model: model)
      let grey = Self.embeddings(of: Tensor.zeros(like: pictures) + 0.5, part: part, model: model)
      let least = target.squared().sum(1, 2) * Self.leastGreyShare
      return (target, (grey - target).squared().sum(1, 2).maximum(least))
    }
  }

  public func energies(of variables: [Tensor], items: Tensor) -> Tensor {
    energies(ofPictures: Self.pictures(ofOctaves: variables), items: items)
  }

  /// E of pictures `[n, 3, S, S]` in 0...1, each against the embedding of one of the items (int64 `[n]`).
  public func energies(ofPictures pictures: Tensor, items: Tensor) -> Tensor {
    let distances =
      (Self.embeddings(of: pictures, part: part, model: model) - target.select(indices: items))
      .squared().sum(1, 2)
    return distances / greyDistances.select(indices: items)
      + Self.roughness(of: pictures) * smoothness
  }

  /// `[n, 3, S, S]` in 0...1, S being the side of the first.
  public static func pictures(ofOctaves octaves: [Tensor]) -> Tensor {
    let side = octaves[0].size(2)
    return octaves.dropFirst().reduce(octaves[0]) { sum, octave in
      sum + octave.resized(height: side, width: side, antialias: false)
    }.sigmoid()
  }

  private static func embeddings(of pictures: Tensor, part: Part, model: ImageModel) -> Tensor {
    let tokens = model.encoder.tokens(of: model.preprocessing.normalization.normalized(pictures))
    return part == .pooled ? tokens.mean(1, keepingDimensions: true) : tokens
  }

  /// R of each picture, `[n]`.
  private static func roughness(of pictures: Tensor) -> Tensor {
    let last = pictures.size(2) - 1
    func part(row: Int, column: Int) -> Tensor {
      pictures.slice(row..<row + last, along: 2).slice(column..<column + last, along: 3)
    }
    let pixels = part(row: 0, column: 0)
    let steps =
      (part(row: 0, column: 1) - pixels).squared() + (part(row: 1, column: 0) - pixels).squared()
    return ((steps.sum(1) + rounding * rounding).sqrt() - rounding).mean(1, 2)
  }
}
