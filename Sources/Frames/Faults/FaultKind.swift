import Pictures

/// The ways in which a video is broken on purpose, to see whether it is noticed.
///
/// The first ones can be done to any clip (`FaultInjector`), the last four only to scenes of which
/// everything is known (`SyntheticClip.with(_:pictures:)`).
public enum FaultKind: String, Codable, CaseIterable, Sendable {
  /// A frame and the next one change places: the shuffle of a window of two.
  case swap
  /// Three frames in a wrong order.
  case shuffle3
  /// Five frames in a wrong order.
  case shuffle5
  /// One frame is missing; or two, four, eight.
  case drop1
  case drop2
  case drop4
  case drop8
  /// A frame is shown twice.
  case duplicate
  /// A frame is shown twice, the second time with noise, as after another encoding.
  case noisyDuplicate
  /// A frame stands for six frames, each with noise of its own; what it hides is lost.
  case noisyFreeze
  /// Sixteen frames of another clip in place of the clip's own.
  case splice
  /// Blocks of a frame or two hold something else, as after a transmission error.
  case block
  /// A frame or two in another light.
  case flash
  /// A thing that moves through the picture jumps to another place, and moves on from there.
  case teleport
  /// A thing that moves through the picture is gone from one frame to the next.
  case vanish
  /// A thing slowly becomes another.
  case morph
  /// A thing goes behind a pillar and does not come out.
  case occlusion
  /// A thing turns around in mid-course.
  case turn
  /// A stretch of time runs backwards.
  case backwards

  /// What it is of a synthetic scene; nil where it can be done to any clip.
  public var semantic: SemanticFault? { SemanticFault(rawValue: rawValue) }

  /// Whether there are frames that it shows in, such as a rule can learn; what happens slowly has none of its own.
  public var isSudden: Bool { semantic == nil || self == .turn }

  /// The faults that can be done to any clip.
  public static var injected: [FaultKind] { allCases.filter { $0.semantic == nil } }

  /// How many frames are missing, for the drops.
  var droppedCount: Int? {
    switch self {
    case .drop1: 1
    case .drop2: 2
    case .drop4: 4
    case .drop8: 8
    default: nil
    }
  }
}

/// Where a fault shows.
public struct FaultLabel: Codable, Sendable, Equatable {
  public let kind: FaultKind
  /// The first frame that does not fit the one before it, counted in the broken clip.
  public let start: Int
  /// The last frame that is out of place; for a cut or a drop the same as `start`.
  public let end: Int

  public init(kind: FaultKind, start: Int, end: Int) {
    self.kind = kind
    self.start = start
    self.end = end
  }
}

/// A clip in memory with what was broken in it.
public struct FaultyClip: Sendable {
  public let images: [RGBImage]
  public let framesPerSecond: Double
  public let labels: [FaultLabel]
  /// The frame of the clean clip that each one was; nil where it was none of them.
  public let origins: [Int?]

  /// Its frames, from the first on.
  public var source: MemoryFrameSource {
    MemoryFrameSource(images, framesPerSecond: framesPerSecond)
  }
}

extension FaultyClip {
  /// A synthetic clip in which `kind`, a semantic fault, happens.
  ///
  /// - Returns: nil where nothing in the clip could have it, or the fault is not semantic.
  public init?(
    _ kind: FaultKind, in clip: SyntheticClip, pictures: [CutOut] = [], draw: Int = 0
  ) {
    guard let fault = kind.semantic,
      let broken = clip.with(fault, pictures: pictures, draw: draw)
    else { return nil }
    self.init(
      images: (0..<clip.frameCount).map(broken.clip.image(at:)),
      framesPerSecond: clip.options.framesPerSecond,
      labels: [
        FaultLabel(kind: kind, start: broken.frames.lowerBound, end: broken.frames.upperBound)
      ],
      origins: (0..<clip.frameCount).map { Int(broken.clip.sceneTime(at: $0)) })
  }
}
