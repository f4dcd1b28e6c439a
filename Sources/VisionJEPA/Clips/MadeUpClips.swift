import Foundation
import TrainingRuns

/// Made-up clips to learn from: pictures and shapes that move over a background, with a camera that pans,
/// zooms and turns, one thing in front of another, changing light and noise.
///
/// Motion is what a camera and solid things do: even, accelerated, swinging or bouncing off the frame's
/// edges. A seed decides a whole clip.
public struct MadeUpClips: Sendable {
  /// Side of the square textures, in pixels.
  static let textureSize = 64
  /// RGB bytes of the pictures that move, each `textureSize` squared.
  private let textures: [[UInt8]]

  /// - Parameter pictures: what moves beside shapes of one colour; may be empty.
  public init(pictures: [RGBImage] = []) {
    let scaler = FrameScaler(size: Self.textureSize)
    textures = pictures.map { scaler.bytes(of: $0) }
  }

  /// Clips of the pictures of a folder, at most `most` of them, evenly taken; unreadable ones are left out.
  ///
  /// - Throws: `ImageError` where the folder cannot be read, or holds no picture.
  public init(folder: String, most: Int = 2000) throws {
    let files = try ImageFolder(folder)
    let decoder = ImageDecoder()
    let step = max(1, (files.count + most - 1) / most)
    let scaler = FrameScaler(size: Self.textureSize)
    var textures: [[UInt8]] = []
    for index in Swift.stride(from: 0, to: files.count, by: step) {
      guard let picture = try? decoder.decode(contentsOf: files.path(of: index)) else { continue }
      textures.append(scaler.bytes(of: picture))
    }
    self.textures = textures
  }

  /// Frames of one clip, each `size * size` RGB pixels.
  ///
  /// - Parameter seed: decides everything.
  public func frames(_ count: Int, size: Int, seed: UInt64) -> [[UInt8]] {
    var draws = SeededGenerator(seed: seed, 0x5c1e)
    let background = draw(&draws)
    let camera = Path.camera(&draws)
    let things = (0..<1 + draws.index(below: 4)).map { _ in
      Thing(surface: draw(&draws), path: Path.thing(&draws), isRound: draws.uniform() < 0.5)
    }
    let light = (
      draws.uniform(in: -0.15...0.15), draws.uniform(in: 0.05...0.3),
      draws.uniform(in: 0...2 * .pi)
    )
    let noise = draws.uniform() < 0.5 ? 0 : draws.uniform(in: 0...3)
    return (0..<count).map { frame in
      let time = Float(frame)
      let view = camera.place(at: time)
      let places = things.map { $0.path.place(at: time) }
      let brightness = 1 + light.0 * sin(light.1 * time + light.2)
      return [UInt8](unsafeUninitializedCapacity: size * size * 3) { bytes, length in
        for y in 0..<size {
          for x in 0..<size {
            // The frame is -1…1 either way.
            let point = SIMD2(
              (Float(x) + 0.5) / Float(size) * 2 - 1, (Float(y) + 0.5) / Float(size) * 2 - 1)
            var color = background.color(at: view.inverse(point), textures)
            for (thing, place) in zip(things, places) {
              thing.paint(over: &color, at: place.inverse(point), textures)
            }
            color *= brightness
            if noise > 0 {
              color += SIMD3(repeating: (draws.uniform() + draws.uniform() - 1) * noise)
            }
            let pixel = (y * size + x) * 3
            for channel in 0..<3 {
              bytes[pixel + channel] = UInt8(min(max(color[channel] + 0.5, 0), 255))
            }
          }
        }
        length = size * size * 3
      }
    }
  }

  private func draw(_ draws: inout SeededGenerator) -> Surface {
    func color(_ draws: inout SeededGenerator) -> SIMD3<Float> {
      SIMD3(draws.uniform(in: 0...255), draws.uniform(in: 0...255), draws.uniform(in: 0...255))
    }
    let picture = !textures.isEmpty && draws.uniform() < 0.7
    return Surface(
      texture: picture ? draws.index(below: textures.count) : nil, first: color(&draws),
      second: color(&draws), waves: draws.uniform(in: 1...9),
      direction: draws.uniform(in: 0...2 * .pi))
  }
}

/// What a thing looks like: a picture, or stripes of two colours that run into each other.
private struct Surface {
  let texture: Int?
  let first: SIMD3<Float>
  let second: SIMD3<Float>
  let waves: Float
  let direction: Float

  /// The colour at a point of the surface, which is -1…1 either way and goes on mirrored beyond.
  func color(at point: SIMD2<Float>, _ textures: [[UInt8]]) -> SIMD3<Float> {
    guard let texture else {
      let along = point.x * cos(direction) + point.y * sin(direction)
      let share = 0.5 + 0.5 * sin(waves * along)
      return first + (second - first) * share
    }
    let size = MadeUpClips.textureSize
    func mirrored(_ value: Float) -> Float {
      let turn = (value + 1) / 4
      let rest = (turn - turn.rounded(.down)) * 4
      return rest > 2 ? 4 - rest : rest
    }
    let limit = Float(size - 1)
    let x = mirrored(point.x) / 2 * limit
    let y = mirrored(point.y) / 2 * limit
    let (left, top) = (min(Int(x), size - 2), min(Int(y), size - 2))
    let (across, down) = (x - Float(left), y - Float(top))
    return textures[texture].withUnsafeBufferPointer { pixels in
      func pixel(_ x: Int, _ y: Int) -> SIMD3<Float> {
        let place = (y * size + x) * 3
        return SIMD3(Float(pixels[place]), Float(pixels[place + 1]), Float(pixels[place + 2]))
      }
      let upper = pixel(left, top) * (1 - across) + pixel(left + 1, top) * across
      let lower = pixel(left, top + 1) * (1 - across) + pixel(left + 1, top + 1) * across
      return upper * (1 - down) + lower * down
    }
  }
}

/// A picture or shape in front of the background.
private struct Thing {
  let surface: Surface
  let path: Path
  let isRound: Bool

  /// Covers `color` where the thing is, with an edge that is a little soft.
  func paint(over color: inout SIMD3<Float>, at point: SIMD2<Float>, _ textures: [[UInt8]]) {
    let distance =
      isRound
      ? (point * point).sum().squareRoot() : Swift.max(Swift.abs(point.x), Swift.abs(point.y))
    guard distance < 1.05 else { return }
    let cover = Swift.min(1, (1.05 - distance) / 0.1)
    color += (surface.color(at: point, textures) - color) * cover
  }
}

/// Where something is over time, in units of half a frame.
private struct Path {
  /// A place, a size and a turn.
  struct Place {
    let centre: SIMD2<Float>
    let scale: Float
    let turn: (cosine: Float, sine: Float)

    /// A point of the frame as a point of the thing.
    func inverse(_ point: SIMD2<Float>) -> SIMD2<Float> {
      let offset = (point - centre) / scale
      return SIMD2(
        turn.cosine * offset.x + turn.sine * offset.y,
        turn.cosine * offset.y - turn.sine * offset.x)
    }
  }

  var centre: SIMD2<Float>
  var velocity: SIMD2<Float>
  var acceleration = SIMD2<Float>.zero
  /// Swings: how far, how fast and from where.
  var swing: (reach: SIMD2<Float>, speed: Float, phase: Float) = (.zero, 0, 0)
  /// Whether it turns back at the frame's edges.
  var bounces = false
  var scale: Float
  /// The growth of the logarithm of the scale, each frame.
  var growth: Float
  var angle: Float
  var spin: Float

  static func camera(_ draws: inout SeededGenerator) -> Path {
    let isStill = draws.uniform() < 0.35
    func some(_ range: ClosedRange<Float>, _ draws: inout SeededGenerator) -> Float {
      let value = draws.uniform(in: range)
      return isStill ? 0 : value
    }
    return Path(
      centre: SIMD2(draws.uniform(in: -1...1), draws.uniform(in: -1...1)),
      velocity: SIMD2(some(-0.06...0.06, &draws), some(-0.04...0.04, &draws)),
      scale: draws.uniform(in: 0.8...2.5), growth: some(-0.01...0.01, &draws),
      angle: draws.uniform(in: -0.3...0.3), spin: some(-0.01...0.01, &draws))
  }

  static func thing(_ draws: inout SeededGenerator) -> Path {
    var path = Path(
      centre: SIMD2(draws.uniform(in: -1...1), draws.uniform(in: -1...1)),
      velocity: SIMD2(draws.uniform(in: -0.09...0.09), draws.uniform(in: -0.07...0.07)),
      scale: draws.uniform(in: 0.12...0.5), growth: draws.uniform(in: -0.008...0.008),
      angle: draws.uniform(in: 0...2 * .pi),
      spin: draws.uniform() < 0.5 ? 0 : draws.uniform(in: -0.08...0.08))
    switch draws.index(below: 4) {
    case 0: path.acceleration = SIMD2(0, draws.uniform(in: -0.004...0.006))
    case 1:
      path.swing = (
        SIMD2(draws.uniform(in: -0.4...0.4), draws.uniform(in: -0.4...0.4)),
        draws.uniform(in: 0.1...0.5), draws.uniform(in: 0...2 * .pi)
      )
    case 2: path.bounces = true
    default: break
    }
    return path
  }

  func place(at time: Float) -> Place {
    var centre = self.centre + velocity * time + acceleration * (time * time / 2)
    centre += swing.reach * sin(swing.speed * time + swing.phase)
    if bounces {
      for axis in 0..<2 {
        let turn = (centre[axis] + 1) / 4
        let rest = (turn - turn.rounded(.down)) * 4
        centre[axis] = (rest > 2 ? 4 - rest : rest) - 1
      }
    }
    let angle = angle + spin * time
    return Place(
      centre: centre, scale: scale * exp(growth * time), turn: (cos(angle), sin(angle)))
  }
}
