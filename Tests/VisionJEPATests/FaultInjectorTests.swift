import Foundation
import Testing

@testable import Files
@testable import Frames
@testable import Pictures

@Suite struct FaultInjectorTests {
  /// Frames that tell their number by their grey level.
  private func numbered(_ count: Int, from first: Int = 0) -> [RGBImage] {
    (first..<first + count).map {
      let level = UInt8($0 % 250)
      return RGBImage(width: 48, height: 32, color: RGBColor(level, level, level))
    }
  }

  private let injector = FaultInjector(seed: 7)

  private func broken(_ kind: FaultKind, count: Int = 72) throws -> FaultyClip {
    try injector.inject([kind], into: numbered(count), donor: numbered(20, from: 200))
  }

  @Test(arguments: FaultKind.injected) func theSeedFixesTheFault(kind: FaultKind) throws {
    let (a, b) = (try broken(kind), try broken(kind))
    #expect(a.images == b.images)
    #expect(a.labels == b.labels)
    let other = try FaultInjector(seed: 8).inject(
      [kind], into: numbered(72), donor: numbered(20, from: 200))
    #expect(a.labels != other.labels || a.images != other.images || kind.rawValue.hasPrefix("drop"))
  }

  @Test(arguments: FaultKind.injected) func labelsAreWhereTheClipChanges(kind: FaultKind) throws {
    let clip = try broken(kind)
    #expect(clip.images.count == clip.origins.count)
    #expect(clip.labels.count == (kind == .splice ? 2 : 1))
    let label = try #require(clip.labels.first)
    #expect(label.kind == kind)
    // Before the fault all is as it was.
    let untouched = kind == .teleport || kind == .vanish ? label.start - 13 : label.start
    #expect(Array(clip.images.prefix(untouched)) == numbered(untouched))
    // After it the clip goes on to its end, frame by frame.
    let rest = clip.origins.suffix(from: clip.labels.last!.end + 1).compactMap { $0 }
    #expect(rest == Array((72 - rest.count)..<72))
    #expect(rest.count > 16)
  }

  @Test func orderAndNumberAreThoseOfTheFault() throws {
    func around(_ kind: FaultKind) throws -> [Int?] {
      let clip = try broken(kind)
      let label = clip.labels[0]
      return clip.origins[label.start - 1...label.end + 1].map { $0.map { $0 - label.start } }
    }
    #expect(try around(.swap) == [-1, 1, 0, 2])
    #expect(try around(.duplicate) == [-1, -1, 0])
    #expect(try around(.noisyDuplicate) == [-1, -1, 0])
    #expect(try around(.noisyFreeze) == [-1, -1, -1, -1, -1, -1, -1, 6])
    for (kind, count) in [(FaultKind.drop1, 1), (.drop2, 2), (.drop4, 4), (.drop8, 8)] {
      #expect(try around(kind) == [-1, count, count + 1])
    }
    let shuffled = try around(.shuffle5)
    #expect(shuffled.first == -1 && shuffled.last == 5)
    #expect(Set(shuffled) == Set((-1...5).map { $0 }))
    #expect(shuffled[1] != 0 && shuffled[5] != 4)
  }

  @Test func whatIsSeenIsTheFault() throws {
    let duplicate = try broken(.duplicate)
    let place = duplicate.labels[0].start
    #expect(duplicate.images[place] == duplicate.images[place - 1])
    let noisy = try broken(.noisyDuplicate)
    #expect(noisy.images[place] != noisy.images[place - 1])

    let flash = try broken(.flash)
    for frame in flash.labels[0].start...flash.labels[0].end {
      #expect(flash.images[frame] != numbered(72)[frame])
    }
    let splice = try broken(.splice)
    #expect(splice.origins[splice.labels[0].start] == nil)
    #expect(splice.labels[1].start - splice.labels[0].start == 16)
    #expect(splice.origins[splice.labels[1].start] != nil)

    // A grey frame: what differs from it is the thing that passes.
    let vanish = try broken(.vanish)
    let gone = vanish.labels[0].start
    #expect(vanish.images[gone] == numbered(72)[gone])
    #expect(vanish.images[gone - 1] != numbered(72)[gone - 1])
    #expect(vanish.images[gone - 13] == numbered(72)[gone - 13])
    let teleport = try broken(.teleport)
    #expect(teleport.images[gone] != numbered(72)[gone])
    #expect(teleport.images[gone + 19] == numbered(72)[gone + 19])
  }

  @Test func manyFaultsLieApart() throws {
    let kinds: [FaultKind] = [.swap, .drop4, .noisyFreeze, .teleport]
    let clip = try injector.inject(kinds, into: numbered(240))
    #expect(clip.labels.map(\.kind) == [.swap, .drop4, .noisyFreeze, .teleport, .swap])
    for (label, next) in zip(clip.labels, clip.labels.dropFirst()) {
      #expect(next.start - label.end > 20)
    }
  }

  @Test func whatCannotBeBrokenIsAnError() throws {
    #expect(throws: InputError.self) { try injector.inject([.swap], into: numbered(71)) }
    #expect(throws: InputError.self) { try injector.inject([], into: numbered(100)) }
    #expect(throws: InputError.self) { try injector.inject([.splice], into: numbered(100)) }
    #expect(throws: InputError.self) { try injector.inject([.morph], into: numbered(100)) }
  }

  @Test(arguments: FaultKind.allCases.filter { $0.semantic != nil })
  func semanticFaultsComeFromScenes(kind: FaultKind) throws {
    let options = SyntheticClip.Options(
      width: 32, height: 32, frameCount: 48, hasPillar: kind == .occlusion)
    let clip = SyntheticClip(seed: 3, options: options)
    let faulty = try #require(FaultyClip(kind, in: clip))
    #expect(faulty.images.count == 48)
    #expect(faulty.labels.map(\.kind) == [kind])
    #expect(FaultyClip(.swap, in: clip) == nil)
  }
}
