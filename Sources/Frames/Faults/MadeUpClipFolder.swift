import Files
import Foundation

/// Writes a synthetic clip as a folder of frames, broken or not, with a file that says where.
public struct MadeUpClipFolder: Sendable {
  public var options: SyntheticClip.Options
  public var seed: UInt64
  /// What is broken in it, in turn, as often as there is room; or one semantic fault.
  public var faults: [FaultKind]
  public var pictures: [CutOut]
  /// How far apart injected faults lie, and how many frames at both ends have none.
  public var spacing = 40
  public var margin = 16

  public init(
    options: SyntheticClip.Options, seed: UInt64, faults: [FaultKind] = [],
    pictures: [CutOut] = []
  ) {
    self.options = options
    self.seed = seed
    self.faults = faults
    self.pictures = pictures
  }

  /// What `labels.json` holds.
  public struct Labels: Codable, Sendable, Equatable {
    public let frameCount: Int
    public let framesPerSecond: Double
    public let seed: UInt64
    /// Where the clip is broken; frames count from 0.
    public let faults: [FaultLabel]
  }

  /// The name of the file with the labels.
  public static let labelsName = "labels.json"

  /// The clip's frames and labels.
  ///
  /// - Throws: `InputError` where the faults do not fit the clip.
  public func makeClip() throws(InputError) -> FaultyClip {
    var options = options
    let semantic = faults.filter { $0.semantic != nil }
    if semantic.contains(where: { $0.semantic!.needsPillar }) { options.hasPillar = true }
    let scene = SyntheticClip(seed: seed, options: options, pictures: pictures)
    if let kind = semantic.first {
      guard faults.count == 1, let clip = FaultyClip(kind, in: scene, pictures: pictures) else {
        throw .invalidSetting(
          name: "faults", expected: "one semantic fault alone, in a clip of at least 32 frames",
          found: faults.map(\.rawValue).joined(separator: ", "))
      }
      return clip
    }
    let images = (0..<options.frameCount).map(scene.image(at:))
    guard !faults.isEmpty else {
      return FaultyClip(
        images: images, framesPerSecond: options.framesPerSecond, labels: [],
        origins: Array(images.indices))
    }
    let injector = FaultInjector(seed: seed, spacing: spacing, margin: margin)
    let room = injector.capacity(frameCount: options.frameCount)
    guard faults.count <= room else {
      throw .tooFewItems(
        purpose: "a clip with \(faults.count) fault\(faults.count == 1 ? "" : "s")",
        needed: 2 * margin + spacing * faults.count, found: options.frameCount)
    }
    let other = SyntheticClip(
      seed: seed &+ 1, options: options, pictures: pictures)
    return try injector.inject(
      faults, into: images, framesPerSecond: options.framesPerSecond,
      donor: faults.contains(.splice) ? (0..<24).map(other.image(at:)) : [])
  }

  /// Writes `frame-0000.png`, … and `labels.json`; the folder appears when it is complete.
  ///
  /// - Throws: `FileError.alreadyThere` where there is something; `ImageError.unwritableFile`.
  public func write(to path: String) throws {
    guard !FileManager.default.fileExists(atPath: path) else {
      throw FileError.alreadyThere(path: path)
    }
    let progress = WorkProgress()
    progress.begin("drawing \(options.frameCount) frames")
    let clip = try makeClip()
    progress.begin("writing frames", total: clip.images.count, of: "frames")
    let temporary = "\(path).\(UUID().uuidString).tmp"
    do {
      try DurableFile.makeFolder(temporary)
      for (index, image) in clip.images.enumerated() {
        try image.write(toPNG: "\(temporary)/\(String(format: "frame-%04d.png", index))")
        progress.update(index + 1)
      }
      let labels = Labels(
        frameCount: clip.images.count, framesPerSecond: clip.framesPerSecond, seed: seed,
        faults: clip.labels)
      try JSONFile.write(labels, to: "\(temporary)/\(Self.labelsName)")
      // Another process may have been faster.
      guard rename(temporary, path) == 0 else { throw FileError.alreadyThere(path: path) }
    } catch {
      try? FileManager.default.removeItem(atPath: temporary)
      throw error
    }
  }
}
