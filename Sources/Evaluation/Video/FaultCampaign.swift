import Files
import Foundation
import Frames
import Pictures
import Torch
import VideoJEPA

/// A clip in memory to put faults into.
struct BenchmarkClip {
  let name: String
  let images: [RGBImage]
  let framesPerSecond: Double
  /// First frames of new shots: as they are found in a file, none in a scene, which has none.
  let nativeCuts: [Int]

  /// Reads a clip, at most `limit` frames of it.
  ///
  /// - Throws: `FrameError`.
  init(path: String, limit: Int) throws {
    let source = try FrameInput.open(path)
    var images: [RGBImage] = []
    while images.count < limit, let frame = try source.next() { images.append(frame.image) }
    self.init(
      name: PathParts(path).name, images: images,
      framesPerSecond: source.framesPerSecond ?? 25, nativeCuts: ShotSplitter.cuts(of: images))
  }

  init(
    name: String, images: [RGBImage], framesPerSecond: Double = 25, nativeCuts: [Int] = []
  ) {
    self.name = name
    self.images = images
    self.framesPerSecond = framesPerSecond
    self.nativeCuts = nativeCuts
  }
}

/// Puts faults into clips and measures every frame of what comes out.
struct FaultCampaign {
  /// How often each fault is put into each clip, at least; those that any clip can have once into a synthetic scene.
  var seeds = 3
  /// What is done to synthetic scenes besides.
  var semanticFaults = FaultKind.allCases.filter { $0.semantic != nil }
  /// Pictures that move in them.
  var cutOuts: [CutOut] = []
  var sceneSize = FrameSize(width: 160, height: 128)
  /// Frames of a synthetic scene that are broken, and how many after them thresholds are set on.
  var sceneLength = 240
  var laterLength = 360
  /// What all clips go through after they were broken, the clean ones too.
  var reencoding: Reencoding?

  /// A clip's statistics before and after.
  struct Trial: Sendable {
    let clean: LabelledClip
    let broken: [LabelledClip]
    /// What came after the clean clip at the same source: nothing but thresholds is taken from it.
    var later: LabelledClip?
    /// Whether all of it is known because it was drawn (`SyntheticClip`).
    var isMadeUp: Bool { later != nil }
  }

  /// Breaks a clip in all ways that can be done to any, `seeds` times.
  ///
  /// - Parameters:
  ///   - donor: of what is spliced in; of any size.
  ///   - models: whose statistics are wanted; the trials are in their order.
  func trials(
    of clip: BenchmarkClip, donor: BenchmarkClip, models: [ClipModel], device: Device
  ) throws -> [Trial] {
    try trials(
      of: clip, broken: brokenCopies(of: clip, donor: donor), models: models, device: device)
  }

  private func brokenCopies(
    of clip: BenchmarkClip, donor: BenchmarkClip
  ) throws -> [FaultyClip] {
    var brokenClips: [FaultyClip] = []
    let kinds = FaultKind.injected
    for seed in 0..<seeds {
      // Each pass has room for some faults; passes go on where the last one stopped.
      let injector = FaultInjector(seed: UInt64(seed), spacing: 36, margin: 10)
      let room = injector.capacity(frameCount: clip.images.count)
      guard room > 0 else { continue }
      for first in stride(from: 0, to: kinds.count, by: room) {
        // Each seed puts the same faults into other places.
        let turn = (0..<room).map { kinds[(first + $0 + 4 * seed) % kinds.count] }
        let pass = FaultInjector(
          seed: UInt64(seed) &* 1009 &+ UInt64(first), spacing: 36, margin: 10)
        brokenClips.append(
          try pass.inject(
            turn, into: clip.images, framesPerSecond: clip.framesPerSecond,
            donor: donor.resized(like: clip)))
      }
    }
    return brokenClips
  }

  /// Measures a clip and what became of it.
  private func trials(
    of clip: BenchmarkClip, broken: [FaultyClip], later: [RGBImage] = [], models: [ClipModel],
    device: Device
  ) throws -> [Trial] {
    func measured(
      _ images: [RGBImage], _ labels: [FaultLabel], _ origins: [Int?]
    ) throws -> [LabelledClip] {
      try ClipMeasurement.tables(
        of: reencoding?(images, framesPerSecond: clip.framesPerSecond) ?? images,
        framesPerSecond: clip.framesPerSecond, models: models, device: device
      ).map {
        LabelledClip(
          source: clip.name, table: $0, labels: labels, origins: origins,
          nativeCuts: clip.nativeCuts)
      }
    }
    let clean = try measured(clip.images, [], Array(clip.images.indices))
    let after = try broken.map { try measured($0.images, $0.labels, $0.origins) }
    let rest = later.isEmpty ? nil : try measured(later, [], later.map { _ in nil })
    return models.indices.map { model in
      Trial(clean: clean[model], broken: after.map { $0[model] }, later: rest?[model])
    }
  }

  /// Synthetic clips, each a source, with all faults put into them and those that only they can have.
  ///
  /// - Parameter say: takes what has been measured.
  func syntheticTrials(
    _ count: Int, firstSeed: UInt64, models: [ClipModel], device: Device,
    say: (String) -> Void = { _ in }
  ) throws -> [[Trial]] {
    var once = self
    once.seeds = 1
    var byModel = [[Trial]](repeating: [], count: models.count)
    for number in 0..<count {
      let options = options(number)
      let scene = SyntheticClip(
        seed: firstSeed + UInt64(number), options: options, pictures: cutOuts)
      let clip = BenchmarkClip(
        name: "synthetic \(firstSeed + UInt64(number))",
        images: (0..<scene.frameCount).map(scene.image(at:)))
      let other = SyntheticClip(
        seed: firstSeed + 10_000 + UInt64(number), options: options, pictures: cutOuts)
      let donor = BenchmarkClip(
        name: "donor", images: (0..<40).map { other.image(at: $0) })
      let semantic = semanticFaults.flatMap { kind in
        (0..<seeds).compactMap { FaultyClip(kind, in: scene, pictures: cutOuts, draw: $0) }
      }
      let broken = try once.brokenCopies(of: clip, donor: donor) + semantic
      let later = (scene.frameCount..<scene.frameCount + laterLength).map(scene.image(at:))
      let trials = try trials(
        of: clip, broken: broken, later: later, models: models, device: device)
      for model in models.indices { byModel[model].append(trials[model]) }
      say(
        "scene \(number + 1) of \(count): \(clip.images.count) frames, \(broken.count) broken copies"
      )
    }
    return byModel
  }

  /// Slow and fast scenes, still and moving cameras, with and without something to go behind.
  private func options(_ number: Int) -> SyntheticClip.Options {
    var options = SyntheticClip.Options(
      width: sceneSize.width, height: sceneSize.height, frameCount: sceneLength,
      hasPillar: number % 2 == 0)
    switch number % 3 {
    case 0: break
    case 1: (options.speed, options.pan, options.zoom) = (0.03...0.1, 1, 0.3)
    default: (options.speed, options.pan, options.zoom, options.light) = (0.004...0.02, 0, 0, 0.05)
    }
    return options
  }
}

extension BenchmarkClip {
  /// Some of its frames in the size of another clip's, to be spliced into that.
  func resized(like other: BenchmarkClip) -> [RGBImage] {
    guard let size = other.images.first else { return [] }
    return images.prefix(64).map { $0.resized(width: size.width, height: size.height) }
  }
}
