import Files
import Foundation
import ImageJEPA
import Pictures
import TrainingRuns

/// What is done to a window of frames before it is learned from; the same to all of its frames.
public struct ClipAugmentation: RunConfiguration {
  /// How often left and right are exchanged, 0…1.
  public var mirrorProbability: Float = 0.5
  /// How often time runs backwards, 0…1.
  public var reversalProbability: Float = 0.5
  /// How often every second frame is taken, where the shot is long enough, 0…1.
  public var doubleSpeedProbability: Float = 0.25
  public var color = ColorJitter(
    probability: 0.8, brightness: 0.3, contrast: 0.3, saturation: 0.3, hue: 0.1)
  public var greyscale = Greyscale(probability: 0.1)

  public init() {}

  /// - Throws: `ImageError.invalidSetting`.
  func validate() throws {
    for (value, name) in [
      (mirrorProbability, "mirrorProbability"), (reversalProbability, "reversalProbability"),
      (doubleSpeedProbability, "doubleSpeedProbability"),
    ] where !(value >= 0 && value <= 1) {
      throw ImageError.invalidSetting(
        name: "augmentation.\(name)", expected: "a number in 0...1", found: "\(value)")
    }
    try color.validate("augmentation.color")
    try Setting.probability(greyscale.probability, "augmentation.greyscale")
  }
}

/// One draw of what is done to a window.
struct ClipChange {
  var isMirrored = false
  var isReversed = false
  /// Frames from one frame of the window to the next.
  var step = 1
  var color: ColorJitter.Change?
  var isGrey = false

  init() {}

  /// - Parameter room: how many frames there are to draw from.
  init(
    _ augmentation: ClipAugmentation, windowLength: Int, room: Int,
    using generator: inout SeededGenerator
  ) {
    isMirrored = generator.uniform() < augmentation.mirrorProbability
    isReversed = generator.uniform() < augmentation.reversalProbability
    let isDouble = generator.uniform() < augmentation.doubleSpeedProbability
    step = isDouble && room >= 2 * windowLength - 1 ? 2 : 1
    color = augmentation.color.draw(using: &generator)
    isGrey = augmentation.greyscale.draw(using: &generator)
  }

  /// Makes a frame of bytes what the encoder sees.
  ///
  /// - Parameters:
  ///   - source: `size * size` RGB pixels.
  ///   - target: room for `[3, size, size]`.
  func render(
    _ source: UnsafePointer<UInt8>, size: Int, normalization: Normalization,
    to target: UnsafeMutablePointer<Float>
  ) {
    let planes = PixelPlanes(target, width: size, height: size)
    planes.fill(with: source, mirrored: isMirrored)
    color?.apply(to: planes)
    if isGrey { Greyscale.apply(to: planes) }
    normalization.apply(to: planes)
  }
}

/// The windows of a library, as items of a sampler: in every shot one every few frames.
struct ClipWindows: Sendable {
  /// Frames from one window of a shot to the next; where in between it starts is drawn anew each time.
  static let spacing = 4

  let windowLength: Int
  private let places: [(shot: Int32, start: Int32)]

  /// Shots shorter than a window have none.
  init(of library: ClipLibrary, windowLength: Int) {
    self.windowLength = windowLength
    places = library.shots.enumerated().flatMap { number, shot in
      stride(from: 0, through: shot.frameCount - windowLength, by: Self.spacing).map {
        (Int32(number), Int32($0))
      }
    }
  }

  var count: Int { places.count }

  /// The frames of an item's window, in the order in which they are learned from.
  func frames(
    of item: Int, in library: ClipLibrary, augmentation: ClipAugmentation,
    using generator: inout SeededGenerator
  ) -> (shot: Int, frames: [Int], change: ClipChange) {
    let place = places[item]
    let shot = library.shots[Int(place.shot)]
    let start = Int(place.start) + generator.index(below: Self.spacing)
    let change = ClipChange(
      augmentation, windowLength: windowLength, room: shot.frameCount, using: &generator)
    let length = (windowLength - 1) * change.step + 1
    let first = max(0, min(start, shot.frameCount - length))
    let frames = (0..<windowLength).map { first + $0 * change.step }
    return (Int(place.shot), change.isReversed ? frames.reversed() : frames, change)
  }
}
