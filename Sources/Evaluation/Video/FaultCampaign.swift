import Foundation
import Torch
import TrainingRuns
import VisionJEPA

/// A clip in memory to put faults into.
struct BenchmarkClip {
  let name: String
  let images: [RGBImage]
  let framesPerSecond: Double
  /// First frames of new shots.
  let nativeCuts: [Int]

  /// Reads a clip, at most `limit` frames of it.
  ///
  /// - Throws: `FrameError`.
  init(path: String, limit: Int) throws {
    let source = try FrameInput.open(path)
    var images: [RGBImage] = []
    while images.count < limit, let frame = try source.next() { images.append(frame.image) }
    self.init(
      name: (path as NSString).lastPathComponent, images: images,
      framesPerSecond: source.framesPerSecond ?? 25)
  }

  init(name: String, images: [RGBImage], framesPerSecond: Double = 25) {
    self.name = name
    self.images = images
    self.framesPerSecond = framesPerSecond
    nativeCuts = ShotSplitter.cuts(of: images)
  }
}

/// Puts faults into clips and measures every frame of what comes out.
struct FaultCampaign {
  /// How often each fault is put into each clip.
  var seeds = 3
  /// Synthetic clips, for the faults that need one.
  var syntheticClips = 12
  /// Pictures that move in them.
  var cutOuts: [CutOut] = []

  /// A clip's statistics before and after.
  struct Trial: Sendable {
    let clean: LabelledClip
    let broken: [LabelledClip]
  }

  /// Breaks a clip in all ways that can be done to any, `seeds` times.
  ///
  /// - Parameters:
  ///   - donor: of what is spliced in; of any size.
  ///   - models: whose statistics are wanted; the trials are in their order.
  func trials(
    of clip: BenchmarkClip, donor: BenchmarkClip, models: [ClipModel], device: Device
  ) throws -> [Trial] {
    var brokenClips: [FaultyClip] = []
    let kinds = FaultKind.injected
    for seed in 0..<seeds {
      // Each pass has room for some faults; passes go on where the last one stopped.
      let injector = FaultInjector(seed: UInt64(seed), spacing: 36, margin: 10)
      let room = injector.capacity(frameCount: clip.images.count)
      guard room > 0 else { continue }
      for first in stride(from: 0, to: kinds.count, by: room) {
        let turn = (0..<room).map { kinds[(first + $0) % kinds.count] }
        let pass = FaultInjector(
          seed: UInt64(seed) &* 1009 &+ UInt64(first), spacing: 36, margin: 10)
        brokenClips.append(
          try pass.inject(
            turn, into: clip.images, framesPerSecond: clip.framesPerSecond,
            donor: donor.resized(like: clip)))
      }
    }
    return try models.map { model in
      Trial(
        clean: try measured(clip.images, clip: clip, labels: [], model: model, device: device),
        broken: try brokenClips.map {
          try measured(
            $0.images, clip: clip, labels: $0.labels, origins: $0.origins, model: model,
            device: device)
        })
    }
  }

  /// Synthetic clips, each a source, with all faults put into them and those that only they can have.
  func syntheticTrials(
    firstSeed: UInt64, models: [ClipModel], device: Device
  ) throws -> [[Trial]] {
    var byModel = [[Trial]](repeating: [], count: models.count)
    for number in 0..<syntheticClips {
      let options = SyntheticClip.Options(
        width: 160, height: 128, frameCount: 120, hasPillar: number % 2 == 0)
      let scene = SyntheticClip(
        seed: firstSeed + UInt64(number), options: options, pictures: cutOuts)
      let clip = BenchmarkClip(
        name: "synthetic \(number)", images: (0..<scene.frameCount).map(scene.image(at:)))
      let other = SyntheticClip(
        seed: firstSeed + 10_000 + UInt64(number), options: options, pictures: cutOuts)
      let donor = BenchmarkClip(
        name: "donor", images: (0..<40).map { other.image(at: $0) })
      var once = self
      once.seeds = 1
      let ordinary = try once.trials(of: clip, donor: donor, models: models, device: device)
      let semantic = FaultKind.allCases.compactMap { kind in
        FaultyClip(kind, in: scene, pictures: cutOuts)
      }
      for (place, model) in models.enumerated() {
        let more = try semantic.map {
          try measured(
            $0.images, clip: clip, labels: $0.labels, origins: $0.origins, model: model,
            device: device)
        }
        byModel[place].append(
          Trial(clean: ordinary[place].clean, broken: ordinary[place].broken + more))
      }
    }
    return byModel
  }

  private func measured(
    _ images: [RGBImage], clip: BenchmarkClip, labels: [FaultLabel], origins: [Int?]? = nil,
    model: ClipModel, device: Device
  ) throws -> LabelledClip {
    let source = MemoryFrameSource(images, framesPerSecond: clip.framesPerSecond)
    return LabelledClip(
      source: clip.name,
      table: try ClipMeasurement.table(of: source, model: model, device: device), labels: labels,
      origins: origins ?? Array(images.indices), nativeCuts: clip.nativeCuts)
  }
}

extension BenchmarkClip {
  /// Some of its frames in the size of another clip's, to be spliced into that.
  func resized(like other: BenchmarkClip) -> [RGBImage] {
    guard let size = other.images.first else { return [] }
    return images.prefix(64).map { $0.resized(width: size.width, height: size.height) }
  }
}
