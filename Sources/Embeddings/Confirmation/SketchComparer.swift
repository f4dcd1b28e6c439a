/// Finds where one picture lies in another, and says how well they agree there.
///
/// Looked for are copies that were mirrored, cut or framed: scales of 0.7 to 1.45 and shifts of up to a quarter. At 16
/// pixels a side many placements are tried; the best of them are refined there, at 32 and at 64 pixels by Gauss-Newton
/// steps with robust weights (Lucas and Kanade 1981; Baker and Matthews 2004, "Lucas-Kanade 20 years on"), and every
/// level refuses what cannot be a copy.
///
/// An instance keeps its memory from pair to pair; it belongs to one thread.
final class SketchComparer {
  /// What is tried at the coarsest level: scales, and shifts of both axes.
  private static let trials: [Placement] = {
    let scales: [Float] = [0.83, 0.91, 1, 1.1, 1.2]
    let shifts: [Float] = [-0.1, -0.05, 0, 0.05, 0.1]
    return scales.flatMap { scale in
      shifts.flatMap { x in
        shifts.map { y in
          Placement(scaleX: scale, scaleY: scale, shiftX: x, shiftY: y, isMirrored: false)
        }
      }
    }
  }()
  /// The trial that changes nothing, which is refined whatever it looks like: words and bands draw others to them.
  private static let unchanged = trials.count / 2
  /// Trials of each side, mirrored and not, that are refined.
  private static let refinedTrials = 4
  private static let coarsePixels = 16 * 16

  /// What a pair must reach at the coarser levels, or it is refused there: see decision 68.
  private static let leastOfTrials: Float = 0.3
  private static let leastOfLevels: [Float] = [0.6, 0.65]

  private let reference = Memory(LumaSketch.valueCount)
  private let plain = Memory(LumaSketch.valueCount)
  private let mirrored = Memory(LumaSketch.valueCount)
  /// The reference at each trial, of unit length.
  private let placed = Memory(trials.count * coarsePixels)
  /// 1 where a trial's pixels lie within the reference.
  private let masks = Memory(trials.count * coarsePixels)

  /// Where the last picture lies in the reference; nil where it was refused.
  private(set) var placement: Placement?

  init() {
    let last = Float(LumaSketch.sides[0] - 1)
    for (trial, placement) in Self.trials.enumerated() {
      forEachCoarsePixel(placement) { place, u, v in
        let isWithin = u >= 0 && u <= last && v >= 0 && v <= last
        masks.base[trial * Self.coarsePixels + place] = isWithin ? 1 : 0
      }
    }
  }

  /// Takes the picture that others are looked for in.
  func setReference(_ sketch: LumaSketch) {
    sketch.unpack(to: reference.base)
    let side = LumaSketch.sides[0]
    for (trial, placement) in Self.trials.enumerated() {
      let target = placed.base + trial * Self.coarsePixels
      let mask = masks.base + trial * Self.coarsePixels
      var power: Float = 0
      forEachCoarsePixel(placement) { place, u, v in
        guard mask[place] > 0 else {
          target[place] = 0
          return
        }
        let (left, top) = (min(Int(u), side - 2), min(Int(v), side - 2))
        let (right, down) = (u - Float(left), v - Float(top))
        let corner = reference.base + top * side + left
        let value =
          (corner[0] * (1 - right) + corner[1] * right) * (1 - down)
          + (corner[side] * (1 - right) + corner[side + 1] * right) * down
        target[place] = value
        power += value * value
      }
      let scale = 1 / (power + 1e-6).squareRoot()
      for place in 0..<Self.coarsePixels { target[place] *= scale }
    }
  }

  /// How well a picture agrees with the reference: 1 where they are equal, 0 where a coarse look refuses them.
  func agreement(with sketch: LumaSketch) -> Float {
    placement = nil
    sketch.unpack(to: plain.base)
    sketch.unpack(to: mirrored.base, mirrored: true)
    var starts: [(agreement: Float, placement: Placement)] = []
    var greatest: Float = 0
    for isMirrored in [false, true] {
      let trials = trials(of: isMirrored ? mirrored.base : plain.base)
      greatest = max(greatest, trials[0].correlation)
      let chosen = Set(trials.prefix(Self.refinedTrials).map(\.trial) + [Self.unchanged])
      for trial in chosen.sorted() {
        var placement = Self.trials[trial]
        placement.isMirrored = isMirrored
        starts.append((0, placement))
      }
    }
    guard greatest >= Self.leastOfTrials else { return 0 }
    for place in starts.indices {
      refine(&starts[place].placement, level: 0)
      starts[place].agreement = blocks(at: starts[place].placement, level: 0).mean(
        leavingOut: 0.3, tolerance: 0.5)
    }
    starts.sort { $0.agreement > $1.agreement }
    guard starts[0].agreement >= Self.leastOfLevels[0] else { return 0 }
    var best: (agreement: Float, placement: Placement)?
    for placement in Self.different(starts.map(\.placement)) {
      var placement = placement
      refine(&placement, level: 1)
      let agreement = blocks(at: placement, level: 1).mean(leavingOut: 0.3, tolerance: 2)
      if agreement > best?.agreement ?? -1 { best = (agreement, placement) }
    }
    guard var best, best.agreement >= Self.leastOfLevels[1] else { return 0 }
    refine(&best.placement, level: 2)
    placement = best.placement
    return max(0, min(1, blocks(at: best.placement, level: 2).mean(leavingOut: 0.2)))
  }

  /// The first three that differ.
  private static func different(_ placements: [Placement]) -> [Placement] {
    var chosen: [Placement] = []
    for placement in placements where !chosen.contains(where: placement.isNear) {
      chosen.append(placement)
      if chosen.count == 3 { break }
    }
    return chosen
  }

  private func forEachCoarsePixel(
    _ placement: Placement, _ body: (_ place: Int, _ u: Float, _ v: Float) -> Void
  ) {
    let side = LumaSketch.sides[0]
    for y in 0..<side {
      let v = placement.row(y, of: Float(side))
      for x in 0..<side { body(y * side + x, placement.column(x, of: Float(side)), v) }
    }
  }

  /// The correlation of a picture with the reference at every trial, the greatest first.
  private func trials(of picture: UnsafePointer<Float>) -> [(correlation: Float, trial: Int)] {
    let picture = UnsafeRawPointer(picture)
    let stride = Self.coarsePixels * MemoryLayout<Float>.stride
    return Self.trials.indices.map { trial in
      let own = UnsafeRawPointer(placed.base) + trial * stride
      let mask = UnsafeRawPointer(masks.base) + trial * stride
      var (products, squares) = (SIMD16<Float>.zero, SIMD16<Float>.zero)
      for offset in Swift.stride(from: 0, to: stride, by: 64) {
        let values = picture.loadUnaligned(fromByteOffset: offset, as: SIMD16<Float>.self)
        products += own.loadUnaligned(fromByteOffset: offset, as: SIMD16<Float>.self) * values
        squares +=
          mask.loadUnaligned(fromByteOffset: offset, as: SIMD16<Float>.self) * values * values
      }
      return (products.sum() / (squares.sum() + 1e-6).squareRoot(), trial)
    }.sorted { $0.0 == $1.0 ? $0.1 < $1.1 : $0.0 > $1.0 }
  }

  private func blocks(at placement: Placement, level: Int) -> BlockAgreement {
    let (side, start) = (LumaSketch.sides[level], LumaSketch.starts[level])
    let picture = placement.isMirrored ? mirrored : plain
    return BlockAgreement(
      reference.base + start, picture.base + start, side: side, at: placement)
  }

  private func refine(_ placement: inout Placement, level: Int) {
    let (side, start) = (LumaSketch.sides[level], LumaSketch.starts[level])
    let picture = placement.isMirrored ? mirrored : plain
    PlacementDescent(reference.base + start, picture.base + start, side: side)
      .refine(&placement)
  }
}

/// Numbers that belong to an object.
private final class Memory {
  let base: UnsafeMutablePointer<Float>

  init(_ count: Int) {
    base = .allocate(capacity: count)
    base.initialize(repeating: 0, count: count)
  }

  deinit { base.deallocate() }
}
