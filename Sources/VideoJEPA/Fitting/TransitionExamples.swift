import Files
import Frames
import Pictures

/// Transitions of which it is known what explains them, made from synthetic clips.
public struct TransitionExamples: Sendable {
  /// Rows of thirty numbers: `TransitionDistances.centredLogarithms(floor:)`.
  public private(set) var inputs: [[Float]] = []
  public private(set) var labels: [TransitionHypothesis] = []

  /// The distance below which differences are noise: in grey levels, or of tokens.
  public let floor: Double
  /// The share of examples with nothing wrong: where nothing can be told, nothing is.
  private static let nextShare: Float = 0.4

  /// - Parameters:
  ///   - clips: how many synthetic clips are made.
  ///   - perClip: how many transitions are taken of each.
  ///   - seed: what the clips are made from.
  ///   - pictures: what moves in them.
  ///   - model: whose tokens' distances are taken; nil for those of pixels.
  ///   - progress: is told how many clips are made.
  public init(
    clips: Int, perClip: Int = 24, seed: UInt64, pictures: [CutOut] = [], model: ClipModel? = nil,
    progress: WorkProgress? = nil
  ) {
    progress?.begin("making clips", total: clips, of: "clips")
    floor = model == nil ? 0.1 : 0.03
    var before: [RGBImage] = []
    for clip in 0..<clips {
      var generator = SeededGenerator(seed: seed, UInt64(clip))
      // Runs of eight clips of one size, so that most have another shot at hand.
      let images = Self.images(
        size: Self.sizes[clip / 8 % Self.sizes.count], pictures: pictures, using: &generator)
      // The other shot of a cut: the clip before, where it has the same size.
      let others =
        before.first.map { $0.width == images[0].width && $0.height == images[0].height } == true
        ? before : []
      var sixes: [RGBImage] = []
      for _ in 0..<perClip {
        let example = Self.example(of: images, others: others, using: &generator)
        sixes += example.six
        labels.append(example.label)
      }
      let distances =
        model.map { Self.distances(among: $0.tokenFrames(of: sixes)) { $0.distance(to: $1) } }
        ?? Self.distances(among: sixes.map(GreyFrame.init)) { $0.distance(to: $1) }
      inputs += distances.map { $0.centredLogarithms(floor: floor) }
      before = images
      progress?.update(clip + 1)
    }
  }

  /// The distances of every six frames.
  private static func distances<Frame>(
    among frames: [Frame], _ distance: (Frame, Frame) -> FrameDistance
  ) -> [TransitionDistances] {
    let count = 2 * TransitionDistances.reach
    return stride(from: 0, to: frames.count, by: count).map { first in
      TransitionDistances(
        TransitionDistances.pairs.map {
          distance(frames[first + $0.first], frames[first + $0.second])
        })
    }
  }

  private static let sizes = [(64, 64), (96, 64), (112, 80), (128, 96)]

  /// A clip of 40 frames, of any kind that there may be: fast or slow, noisy or clean, from a still
  /// camera or a shaking one.
  private static func images(
    size: (Int, Int), pictures: [CutOut], using generator: inout SeededGenerator
  ) -> [RGBImage] {
    let pace = generator.uniform(in: 0.3...2)
    var options = SyntheticClip.Options(
      width: size.0, height: size.1, frameCount: 40, actors: 1...5,
      speed: 0.004 * pace...0.05 * pace, actorSize: 0.15...0.7)
    options.pan = generator.uniform() < 0.3 ? 0 : generator.uniform(in: 0...0.8)
    options.zoom = generator.uniform() < 0.5 ? 0 : generator.uniform(in: 0...0.3)
    options.noise = generator.uniform() < 0.3 ? 0...0 : 0...4
    options.shake = generator.uniform() < 0.5 ? 0 : generator.uniform(in: 0...0.02)
    let clip = SyntheticClip(seed: generator.next(), options: options, pictures: pictures)
    return (0..<options.frameCount).map(clip.image(at:))
  }

  private static func example(
    of images: [RGBImage], others: [RGBImage], using generator: inout SeededGenerator
  ) -> (six: [RGBImage], label: TransitionHypothesis) {
    var label = TransitionHypothesis.next
    if generator.uniform() >= nextShare {
      let wrong = TransitionHypothesis.allCases.filter { $0 != .next }
      label = wrong[generator.index(below: wrong.count)]
    }
    // One frame in two or three at times: motion of any speed.
    let stride = generator.uniform() < 0.7 ? 1 : 2 + generator.index(below: 2)
    let skipped =
      switch label {
      case .skipped1: 1
      case .skipped2: 2
      case .skipped4: 4 + generator.index(below: 5)
      default: 0
      }
    let span = (5 + skipped) * stride
    let first = generator.index(below: images.count - span)
    var places = (0..<6).map { first + ($0 + ($0 >= 3 ? skipped : 0)) * stride }
    if generator.uniform() < 0.5 { places.reverse() }
    var six = places.map { images[$0] }
    switch label {
    case .swapped: six.swapAt(2, 3)
    case .repeated:
      let noise = generator.uniform() < 0.4 ? 0 : generator.uniform(in: 0...3)
      let again = six[2].exposed(noise: noise, seed: generator.next())
      // Frame 2 again, and what followed it after that.
      six = [six[0], six[1], six[2], again, six[3], six[4]]
    case .cut:
      // Without another shot, another moment: half a clip away.
      if others.count >= 6 {
        let start = generator.index(below: others.count - 5)
        six[3...5] = others[start..<start + 3]
      } else {
        let far = (first + images.count / 2) % (images.count - 3)
        six[3...5] = images[far..<far + 3]
      }
    case .next, .skipped1, .skipped2, .skipped4: break
    }
    return (six, label)
  }
}
