import Files

/// What can go wrong in a scene although no single picture, and no step from one to the next, looks
/// wrong.
public enum SemanticFault: String, Codable, CaseIterable, Sendable {
  /// A thing slowly becomes another.
  case morph
  /// A thing goes behind a pillar and does not come out.
  case occlusion
  /// A thing turns around in mid-course, against its momentum.
  case turn
  /// A stretch of time runs backwards, without a jump at either end.
  case backwards

  /// Whether it needs a clip with a pillar (`SyntheticClip.Options.hasPillar`).
  public var needsPillar: Bool { self == .occlusion }
}

extension SyntheticClip {
  /// The same clip with `fault`, and the frames in which it shows.
  ///
  /// For a morph those are the frames of the change; for an occlusion from where the thing should
  /// begin to come out to where it should be out; for a turn the frame of the turning point, for
  /// the backwards stretch its first and last frame and all between.
  ///
  /// - Parameters:
  ///   - fault: what happens.
  ///   - pictures: what another thing is cut out of.
  ///   - draw: another number, another moment; the pillar alone says when an occlusion is, so that
  ///     there is but draw 0 of it.
  /// - Returns: nil where the clip has nothing that this could happen to: no thing, no pillar, too few
  ///   frames.
  public func with(
    _ fault: SemanticFault, pictures: [CutOut] = [], draw: Int = 0
  ) -> (clip: SyntheticClip, frames: ClosedRange<Int>)? {
    guard !actors.isEmpty, frameCount >= 32 else { return nil }
    var generator = SeededGenerator(seed: seed &+ UInt64(draw) &* 7919, 0x6661_756C_74)
    var clip = self
    let moment = frameCount / 3 + generator.index(below: frameCount / 3)
    // What happens to the largest thing can be seen.
    let largest = actors.indices.max { actors[$0].size < actors[$1].size }!
    switch fault {
    case .morph:
      let duration = min(16 + generator.index(below: 13), frameCount - moment - 1)
      let into =
        pictures.isEmpty
        ? CutOut.shape(using: &generator) : pictures[generator.index(below: pictures.count)]
      clip.actors[largest].change = (into, Float(moment), Float(duration))
      return (clip, moment...moment + duration)
    case .occlusion:
      guard let pillar, draw == 0 else { return nil }
      let actor = actors[0]
      // From how far the thing's middle must be beyond the pillar's for all of it to be out.
      let half = actor.size * 0.6
      let frames = (0..<frameCount).filter { frame in
        let beyond = abs(actor.motion.place(at: Float(frame)).x - pillar.x)
        let after = frame > frameCount / 2
        return after && beyond > pillar.halfWidth - half && beyond < pillar.halfWidth + half
      }
      guard let first = frames.first, let last = frames.last else { return nil }
      clip.actors[0].endTime = Float(frameCount) / 2
      return (clip, first...last)
    case .turn:
      // A thing that swings or circles turns anyway: what counts is that it does so at once.
      clip.actors[largest].turningTime = Float(moment)
      return (clip, moment + 1...moment + 1)
    case .backwards:
      let length = min(10 + generator.index(below: 15), frameCount / 4)
      let start = frameCount / 2 - length + generator.index(below: frameCount / 8)
      clip.backwards = (start, length)
      return (clip, start + 1...start + length)
    }
  }
}
