import Files
import Pictures

/// Breaks a clean clip in known places.
///
/// What is drawn depends on the seed alone. Faults lie `spacing` frames apart, each in a stretch of
/// its own, and leave `margin` frames at both ends alone, so that each is judged by itself.
public struct FaultInjector: Sendable {
  public var seed: UInt64
  /// Frames from one fault to the next, about.
  public var spacing: Int
  /// Frames at both ends without a fault.
  public var margin: Int

  /// - Precondition: `spacing >= 36`, which the longest fault needs; `margin >= 0`.
  public init(seed: UInt64, spacing: Int = 40, margin: Int = 16) {
    precondition(
      spacing >= 36 && margin >= 0, "faults every \(spacing) frames, \(margin) before the first")
    self.seed = seed
    self.spacing = spacing
    self.margin = margin
  }

  /// How many faults a clip of `frameCount` frames has room for.
  public func capacity(frameCount: Int) -> Int { max(0, (frameCount - 2 * margin) / spacing) }

  /// The clip with as many faults as it has room for, the kinds in turn.
  ///
  /// - Parameters:
  ///   - kinds: of `FaultKind.injected`.
  ///   - images: the clean frames, of one size.
  ///   - framesPerSecond: what the times of the labels are made of.
  ///   - donor: frames of another clip, of the same size; at least sixteen where `kinds` has `splice`.
  /// - Throws: `InputError.tooFewItems` where there is room for none, or the donor is too short;
  ///   `.invalidSetting` for kinds that need a synthetic scene.
  public func inject(
    _ kinds: [FaultKind], into images: [RGBImage], framesPerSecond: Double = 25,
    donor: [RGBImage] = []
  ) throws(InputError) -> FaultyClip {
    guard let first = images.first, capacity(frameCount: images.count) > 0, !kinds.isEmpty else {
      throw .tooFewItems(
        purpose: "a clip with a fault", needed: 2 * margin + spacing, found: images.count)
    }
    if let kind = kinds.first(where: { $0.semantic != nil }) {
      throw .invalidSetting(
        name: "faults", expected: "faults that can be done to any clip", found: kind.rawValue)
    }
    if kinds.contains(.splice) {
      guard donor.count >= BrokenClip.spliceLength, donor[0].width == first.width,
        donor[0].height == first.height
      else {
        throw .tooFewItems(
          purpose: "a splice (frames of another clip of the same size)",
          needed: BrokenClip.spliceLength, found: donor.count)
      }
    }
    var clip = BrokenClip(images, donor: donor)
    for slot in 0..<capacity(frameCount: images.count) {
      var generator = SeededGenerator(seed: seed, UInt64(slot))
      let place = margin + slot * spacing + 14 + generator.index(below: 4)
      clip.break(kinds[slot % kinds.count], at: place, using: &generator)
    }
    return clip.finished(framesPerSecond: framesPerSecond)
  }
}

/// A clip while it is being broken: what is done already, and what of the clean one is still to come.
private struct BrokenClip {
  static let spliceLength = 16
  private static let freezeLength = 6
  /// Like what another encoding adds, in grey levels.
  private static let noise: Float = 2

  private var clean: [RGBImage]
  private let donor: [RGBImage]
  private var position = 0
  private var images: [RGBImage] = []
  private var origins: [Int?] = []
  private var labels: [FaultLabel] = []

  init(_ images: [RGBImage], donor: [RGBImage]) {
    clean = images
    self.donor = donor
  }

  func finished(framesPerSecond: Double) -> FaultyClip {
    var copy = self
    copy.advance(to: clean.count)
    return FaultyClip(
      images: copy.images, framesPerSecond: framesPerSecond, labels: labels, origins: copy.origins)
  }

  private mutating func advance(to end: Int) {
    while position < end {
      append(clean[position], origin: position)
      position += 1
    }
  }

  private mutating func append(_ image: RGBImage, origin: Int?) {
    images.append(image)
    origins.append(origin)
  }

  private mutating func mark(_ kind: FaultKind, from start: Int, to end: Int? = nil) {
    labels.append(FaultLabel(kind: kind, start: start, end: end ?? images.count - 1))
  }

  /// Does `kind` at frame `place` of the clean clip.
  mutating func `break`(_ kind: FaultKind, at place: Int, using generator: inout SeededGenerator) {
    if kind == .teleport || kind == .vanish {
      drawPasser(kind, at: place, using: &generator)
    }
    advance(to: place)
    let start = images.count
    switch kind {
    case .swap:
      rearrange(count: 2, using: &generator)
      mark(kind, from: start)
    case .shuffle3:
      rearrange(count: 3, using: &generator)
      mark(kind, from: start)
    case .shuffle5:
      rearrange(count: 5, using: &generator)
      mark(kind, from: start)
    case .drop1, .drop2, .drop4, .drop8:
      position += kind.droppedCount!
      mark(kind, from: start, to: start)
    case .duplicate:
      append(clean[place - 1], origin: place - 1)
      mark(kind, from: start)
    case .noisyDuplicate:
      append(noisy(clean[place - 1], using: &generator), origin: place - 1)
      mark(kind, from: start)
    case .noisyFreeze:
      for _ in 0..<Self.freezeLength {
        append(noisy(clean[place - 1], using: &generator), origin: place - 1)
      }
      position += Self.freezeLength
      mark(kind, from: start)
    case .splice:
      let first = generator.index(below: donor.count - Self.spliceLength + 1)
      for frame in first..<first + Self.spliceLength { append(donor[frame], origin: nil) }
      position += Self.spliceLength
      mark(kind, from: start, to: start)
      mark(kind, from: images.count, to: images.count)
    case .block:
      for _ in 0...generator.index(below: 2) { replaceNext(using: &generator, by: Self.damaged) }
      mark(kind, from: start)
    case .flash:
      let gain = Self.flashGain(using: &generator)
      for _ in 0...generator.index(below: 2) {
        replaceNext(using: &generator) { image, _ in image.exposed(gain: gain) }
      }
      mark(kind, from: start)
    case .teleport, .vanish:
      mark(kind, from: start, to: start)
    case .morph, .occlusion, .turn, .backwards:
      preconditionFailure("\(kind) needs a synthetic scene")
    }
  }

  private mutating func replaceNext(
    using generator: inout SeededGenerator,
    by change: (RGBImage, inout SeededGenerator) -> RGBImage
  ) {
    append(change(clean[position], &generator), origin: position)
    position += 1
  }

  /// The next frames in another order, drawn until the first and the last one have moved.
  private mutating func rearrange(count: Int, using generator: inout SeededGenerator) {
    var order = Array(position..<position + count)
    repeat {
      generator.shuffle(&order)
    } while order.first == position
      || order.last == position + count - 1
    for frame in order { append(clean[frame], origin: frame) }
    position += count
  }

  private func noisy(_ image: RGBImage, using generator: inout SeededGenerator) -> RGBImage {
    image.exposed(noise: Self.noise, seed: generator.next())
  }

  /// Brighter or darker, or in coloured light.
  private static func flashGain(using generator: inout SeededGenerator) -> SIMD3<Float> {
    let strength = generator.uniform(in: 0.25...0.6)
    let sign: Float = generator.uniform() < 0.7 ? 1 : -1
    var gain = SIMD3<Float>(repeating: 1 + sign * strength)
    if generator.uniform() < 0.3 { gain[generator.index(below: 3)] = 1 }
    return gain
  }

  /// Two to six blocks of an eighth of the picture's height hold what is elsewhere in it, or one
  /// colour.
  private static func damaged(
    _ image: RGBImage, using generator: inout SeededGenerator
  ) -> RGBImage {
    var result = image
    let side = max(2, image.height / 8)
    for _ in 0..<(2 + generator.index(below: 5)) {
      let (x, y) = (
        generator.index(below: max(1, image.width - side)),
        generator.index(below: max(1, image.height - side))
      )
      let (fromX, fromY) = (
        generator.index(below: max(1, image.width - side)),
        generator.index(below: max(1, image.height - side))
      )
      let plain = generator.uniform() < 0.4 ? UInt8(generator.index(below: 256)) : nil
      for row in 0..<min(side, image.height - y) {
        for column in 0..<min(side, image.width - x) {
          let target = ((y + row) * image.width + x + column) * 3
          let source =
            (min(fromY + row, image.height - 1) * image.width
              + min(fromX + column, image.width - 1)) * 3
          for channel in 0..<3 {
            result.pixels[target + channel] = plain ?? image.pixels[source + channel]
          }
        }
      }
    }
    return result
  }

  /// A thing that comes in from one side so that it is well inside at frame `place`, where it is gone
  /// or jumps; after a jump it moves on until it is out again.
  private mutating func drawPasser(
    _ kind: FaultKind, at place: Int, using generator: inout SeededGenerator
  ) {
    let (width, height) = (Float(clean[0].width), Float(clean[0].height))
    let cutOut = CutOut.shape(using: &generator)
    let size = generator.uniform(in: 0.22...0.36) * min(width, height)
    let scale = size / Float(cutOut.width)
    let fromLeft = generator.uniform() < 0.5
    // Half-way in at the place, from wholly outside twelve frames before; out again within twenty.
    let speed = (width * 0.5 + size) / 12
    let y = height * generator.uniform(in: 0.3...0.7)
    let jump = height * (y > height / 2 ? -0.35 : 0.35)
    for frame in max(position, place - 13)..<min(clean.count, place + 20) {
      let since = Float(frame - place)
      if since >= 0 && kind == .vanish { break }
      let x = width * 0.5 + speed * since
      clean[frame] = clean[frame].with(
        cutOut, x: fromLeft ? x : width - x, y: since >= 0 ? y + jump : y, scale: scale)
    }
  }
}
