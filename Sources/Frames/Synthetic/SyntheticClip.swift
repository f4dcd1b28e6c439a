import Files
import Foundation
import Pictures

/// A scene of things that move, of which every moment is known: things cut out of pictures, or
/// shapes, over a backdrop, seen by a camera that pans and zooms, behind pillars, in changing light.
///
/// Everything is drawn from the seed, and each frame by itself, so that the same clip gives the same
/// frames in any order and on any thread. What happens in it can be changed afterwards by a
/// `SemanticFault`, which leaves every single picture as plausible as before.
public struct SyntheticClip: Sendable {
  /// What clips are like.
  public struct Options: Codable, Sendable, Equatable {
    public var width: Int
    public var height: Int
    public var frameCount: Int
    public var framesPerSecond: Double
    /// How many things there are.
    public var actors: ClosedRange<Int>
    /// How fast they are, in frame heights a frame.
    public var speed: ClosedRange<Float>
    /// Their size, in frame heights.
    public var actorSize: ClosedRange<Float>
    /// How far the camera sways, in frame heights; 0 keeps it still.
    public var pan: Float
    /// How far a camera in the hand jumps from frame to frame, in frame heights.
    public var shake: Float
    /// How much the camera zooms in and out, as a share of the size.
    public var zoom: Float
    /// How much the light varies, as a share of the brightness.
    public var light: Float
    /// The standard deviation of the noise of each frame, in grey levels.
    public var noise: ClosedRange<Float>
    /// Whether there is a pillar that the first thing goes behind, once.
    public var hasPillar: Bool

    public init(
      width: Int = 64, height: Int = 64, frameCount: Int = 96, framesPerSecond: Double = 25,
      actors: ClosedRange<Int> = 1...4, speed: ClosedRange<Float> = 0.008...0.045,
      actorSize: ClosedRange<Float> = 0.2...0.5, pan: Float = 0.25, shake: Float = 0,
      zoom: Float = 0.15,
      light: Float = 0.12, noise: ClosedRange<Float> = 0...2.5, hasPillar: Bool = false
    ) {
      self.width = width
      self.height = height
      self.frameCount = frameCount
      self.framesPerSecond = framesPerSecond
      self.actors = actors
      self.speed = speed
      self.actorSize = actorSize
      self.pan = pan
      self.shake = shake
      self.zoom = zoom
      self.light = light
      self.noise = noise
      self.hasPillar = hasPillar
    }
  }

  /// A thing that moves.
  struct Actor: Sendable {
    var cutOut: CutOut
    var motion: Motion
    /// Frame heights.
    var size: Float
    var sway: Sway
    /// Radians a frame.
    var spin: Float
    /// Into what it turns, and over which frames.
    var change: (into: CutOut, start: Float, duration: Float)?
    /// From when its own time runs backwards.
    var turningTime: Float?
    /// From when it is not there.
    var endTime: Float?
  }

  /// What stands in front of the things: a box of the world's height.
  struct Pillar: Sendable {
    /// Its middle and half its width, in frame heights.
    var x: Float
    var halfWidth: Float
    var texture: CutOut
  }

  public let options: Options
  public let seed: UInt64
  var actors: [Actor] = []
  let backdrop: RGBImage
  let pillar: Pillar?
  /// A stretch whose time runs forwards, backwards and forwards again: its first frame and length.
  var backwards: (start: Int, length: Int)?
  private let pan: (x: Sway, y: Sway)
  private let drift: SIMD2<Float>
  private let zoom: Sway
  private let light: [Sway]
  private let noise: Float

  /// - Parameters:
  ///   - seed: of everything that is drawn.
  ///   - options: size, length and what happens.
  ///   - pictures: what things are cut out of; shapes alone where there are none.
  /// - Precondition: sides and length are positive.
  public init(seed: UInt64, options: Options = Options(), pictures: [CutOut] = []) {
    precondition(
      options.width > 0 && options.height > 0 && options.frameCount > 0,
      "a clip of \(options.frameCount) frames of \(options.width)x\(options.height)")
    self.seed = seed
    self.options = options
    var generator = SeededGenerator(seed: seed, 0x636C_6970)
    backdrop = Backdrop.random(pictures: pictures, using: &generator)
    let aspect = Float(options.width) / Float(options.height)
    let sways = { (generator: inout SeededGenerator) in
      Sway.random(
        middle: 0, size: 0...options.pan, period: 40...160, using: &generator)
    }
    pan = (sways(&generator), sways(&generator))
    // Half of the cameras also travel on.
    let travels = generator.uniform() < 0.5
    drift =
      SIMD2(generator.uniform(in: -1...1), generator.uniform(in: -0.4...0.4))
      * (travels ? options.pan * 0.04 : 0)
    zoom = Sway.random(middle: 1, size: 0...options.zoom, period: 60...200, using: &generator)
    light = (0..<3).map { _ in
      Sway.random(middle: 1, size: 0...options.light, period: 50...200, using: &generator)
    }
    noise = generator.uniform(in: options.noise)
    let count =
      options.actors.lowerBound + generator.index(below: options.actors.count)
    for _ in 0..<count {
      let cutOut =
        !pictures.isEmpty && generator.uniform() < 0.75
        ? pictures[generator.index(below: pictures.count)] : CutOut.shape(using: &generator)
      actors.append(
        Actor(
          cutOut: cutOut,
          motion: Motion.random(aspect: aspect, speed: options.speed, using: &generator),
          size: generator.uniform(in: options.actorSize),
          sway: Sway.random(middle: 1, size: 0...0.15, period: 30...120, using: &generator),
          spin: generator.uniform() < 0.4 ? generator.uniform(in: -0.06...0.06) : 0))
    }
    guard options.hasPillar, !actors.isEmpty else {
      pillar = nil
      return
    }
    // The first thing crosses the picture at an even pace and is behind the pillar half-way.
    let speed = max(
      generator.uniform(in: options.speed), 1.2 * aspect / Float(options.frameCount))
    let toTheRight = generator.uniform() < 0.5
    let half = Float(options.frameCount) / 2
    let x = aspect * generator.uniform(in: 0.42...0.58)
    let velocity = SIMD2(toTheRight ? speed : -speed, generator.uniform(in: -0.1...0.1) * speed)
    let y = generator.uniform(in: 0.3...0.7)
    actors[0].motion.path = .crossing
    actors[0].motion.velocity = velocity
    actors[0].motion.start = SIMD2(x, y) - velocity * half
    actors[0].spin = 0
    actors[0].size = min(actors[0].size, 0.4)
    pillar = Pillar(
      x: x, halfWidth: actors[0].size * 0.62 + 1.5 * speed,
      texture: Self.pillarTexture(using: &generator))
  }

  private static func pillarTexture(using generator: inout SeededGenerator) -> CutOut {
    let colors = (0..<2).map { _ in (0..<3).map { _ in generator.uniform(in: 30...220) } }
    let stripes = generator.uniform(in: 0.15...0.6)
    var pixels: [UInt8] = []
    for y in 0..<64 {
      for x in 0..<64 {
        let share = 0.5 + 0.5 * sin(Float(x) * stripes) * cos(Float(y) * stripes * 0.7)
        for channel in 0..<3 {
          pixels.append(UInt8(colors[0][channel] * share + colors[1][channel] * (1 - share)))
        }
        pixels.append(255)
      }
    }
    return CutOut(width: 64, height: 64, pixels: pixels)
  }

  public var frameCount: Int { options.frameCount }

  /// Frame `index`, of any from 0 on.
  public func image(at index: Int) -> RGBImage {
    let time = sceneTime(at: index)
    var canvas = Canvas(width: options.width, height: options.height)
    let height = Float(options.height)
    let zoom = max(0.5, zoom.value(at: time))
    var camera = SIMD2(pan.x.value(at: time), pan.y.value(at: time))
    if options.shake > 0 {
      var generator = SeededGenerator(seed: seed, UInt64(index), 0x7368_616B_65)
      // Things move by a quarter of what the camera does.
      camera += SIMD2(generator.normal(), generator.normal()) * options.shake * 2
    }
    // The camera's sway moves things and backdrop, its travel the backdrop alone: things stay in sight.
    let behind = camera + drift * time
    let step = Float(Backdrop.side) * 0.6 / height / zoom
    canvas.fill(
      with: backdrop,
      left: Float(Backdrop.side) * (0.2 + 0.3 * behind.x) - step * Float(options.width) * 0.5
        * (1 - 1 / zoom),
      top: Float(Backdrop.side) * (0.2 + 0.3 * behind.y), step: step)
    for actor in actors { draw(actor, on: &canvas, time: time, camera: camera, zoom: zoom) }
    if let pillar {
      let middle = screen(SIMD2(pillar.x, 0.5), camera, zoom)
      // Two halves high, so that it reaches beyond both edges.
      let scale = pillar.halfWidth * 2 * zoom * height / Float(pillar.texture.width)
      // Overlapping, for a cut-out's edges are soft.
      let tile = Float(pillar.texture.height) * scale - 2
      for row in -3...3 {
        canvas.draw(pillar.texture, x: middle.x, y: middle.y + Float(row) * tile, scale: scale)
      }
    }
    canvas.expose(
      gain: SIMD3(light[0].value(at: time), light[0].value(at: time), light[1].value(at: time)),
      noise: noise, seed: seed, frame: index)
    return canvas.image
  }

  private func draw(
    _ actor: Actor, on canvas: inout Canvas, time: Float, camera: SIMD2<Float>, zoom: Float
  ) {
    if let end = actor.endTime, time >= end { return }
    var own = time
    if let turn = actor.turningTime, time > turn { own = 2 * turn - time }
    let place = screen(actor.motion.place(at: own), camera, zoom)
    let size = actor.size * actor.sway.value(at: own) * zoom * Float(options.height)
    var parts = [(actor.cutOut, Float(1))]
    if let change = actor.change, time > change.start {
      let share = min(1, (time - change.start) / change.duration)
      parts = [(actor.cutOut, 1 - share), (change.into, share)]
    }
    for (cutOut, opacity) in parts {
      canvas.draw(
        cutOut, x: place.x, y: place.y, scale: size / Float(max(cutOut.width, cutOut.height)),
        angle: actor.spin * own, opacity: opacity)
    }
  }

  /// A place of the world in pixels.
  private func screen(_ place: SIMD2<Float>, _ camera: SIMD2<Float>, _ zoom: Float) -> SIMD2<Float>
  {
    let height = Float(options.height)
    let middle = SIMD2(Float(options.width) / height / 2, 0.5)
    return (middle + (place - middle - camera * 0.25) * zoom) * height
  }

  /// The moment that frame `index` shows.
  package func sceneTime(at index: Int) -> Float {
    guard let backwards, index > backwards.start else { return Float(index) }
    let since = index - backwards.start
    if since <= backwards.length { return Float(backwards.start - since) }
    return Float(index - 2 * backwards.length)
  }
}
