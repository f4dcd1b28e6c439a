import Foundation
import Testing
import TrainingRuns

@testable import Frames
@testable import Pictures
@testable import VideoJEPA

@Suite struct SyntheticClipTests {
  private let options = SyntheticClip.Options(
    width: 48, height: 36, frameCount: 60, noise: 0...0)

  @Test func theSeedFixesEveryFrame() {
    let (a, b) = (SyntheticClip(seed: 3), SyntheticClip(seed: 3))
    // In any order.
    let forwards = (0..<6).map(a.image(at:))
    let backwards = (0..<6).reversed().map(b.image(at:))
    #expect(forwards == backwards.reversed())
    #expect(a.image(at: 0) != SyntheticClip(seed: 4).image(at: 0))
  }

  @Test func clipsMoveAndDoNotJump() {
    for seed in 0..<8 as Range<UInt64> {
      let clip = SyntheticClip(seed: seed, options: options)
      let frames = (0..<30).map { GreyFrame(clip.image(at: $0)) }
      let steps = zip(frames, frames.dropFirst()).map { $0.distance(to: $1).mean }
      #expect(steps.max()! < 30, "seed \(seed)")
      #expect(steps.reduce(0, +) > 1, "seed \(seed)")
    }
  }

  @Test(arguments: SemanticFault.allCases)
  func faultsChangeOnlyWhatComesAfter(fault: SemanticFault) throws {
    var options = options
    (options.frameCount, options.hasPillar) = (96, fault.needsPillar)
    var changed = 0
    for seed in 0..<6 as Range<UInt64> {
      let clip = SyntheticClip(seed: seed, options: options)
      let broken = try #require(clip.with(fault))
      #expect(broken.frames.lowerBound > 10 && broken.frames.upperBound < 96)
      for frame in 0..<broken.frames.lowerBound - 1 {
        #expect(broken.clip.image(at: frame) == clip.image(at: frame), "seed \(seed), \(frame)")
      }
      let last = min(95, broken.frames.upperBound + 8)
      if broken.clip.image(at: last) != clip.image(at: last) { changed += 1 }
    }
    // A thing may be hidden behind another one for once.
    #expect(changed >= 5)
  }

  @Test(arguments: SemanticFault.allCases)
  func eachDrawOfAFaultIsAnother(fault: SemanticFault) throws {
    var options = options
    (options.frameCount, options.hasPillar) = (96, fault.needsPillar)
    let clip = SyntheticClip(seed: 4, options: options)
    let draws = (0..<6).map { clip.with(fault, draw: $0)?.frames }
    #expect(draws[0] == clip.with(fault)?.frames)
    if fault == .occlusion {
      // There is one pillar, and one moment to come out from behind it.
      #expect(draws[0] != nil && draws.dropFirst().allSatisfy { $0 == nil })
    } else {
      #expect(Set(draws.compactMap { $0 }).count >= 4, "\(draws)")
    }
  }

  @Test func whatIsBehindThePillarIsNotSeen() throws {
    var options = options
    (options.hasPillar, options.frameCount, options.actors) = (true, 80, 1...1)
    for seed in 0..<10 as Range<UInt64> {
      let clip = SyntheticClip(seed: seed, options: options)
      let broken = try #require(clip.with(.occlusion))
      // It is gone from the middle on, and that shows only where it should come out.
      for frame in [40, 41, broken.frames.lowerBound - 2] {
        let distance = GreyFrame(clip.image(at: frame)).distance(
          to: GreyFrame(broken.clip.image(at: frame)))
        #expect(distance.top < 1, "seed \(seed), frame \(frame)")
      }
    }
  }

  @Test func timeRunsBackAndForth() {
    var clip = SyntheticClip(seed: 1, options: options)
    clip.backwards = (20, 5)
    #expect(
      (18...32).map(clip.sceneTime(at:)) == [
        18, 19, 20, 19, 18, 17, 16, 15, 16, 17, 18, 19, 20, 21, 22,
      ])
  }

  @Test func clipsTooShortForAFaultHaveNone() {
    var options = options
    options.frameCount = 20
    #expect(SyntheticClip(seed: 1, options: options).with(.turn) == nil)
    #expect(SyntheticClip(seed: 1, options: self.options).with(.occlusion) == nil)
  }

  @Test func thingsAreCutFromPaper() throws {
    var image = RGBImage(width: 20, height: 20, color: .white)
    // A red box with a white window, which is not paper.
    for y in 5..<15 {
      for x in 5..<15 where !(8..<12).contains(x) || !(8..<12).contains(y) {
        for channel in 1...2 { image.pixels[(y * 20 + x) * 3 + channel] = 0 }
      }
    }
    let cutOut = try #require(CutOut(onPaper: image))
    let opacity = cutOut.levels[0].pixels.enumerated().filter { $0.offset % 4 == 3 }.map(\.element)
    #expect(opacity[0] == 0)
    #expect(opacity[7 * 20 + 7] == 255)
    #expect(opacity[10 * 20 + 10] == 255)
    #expect(CutOut(onPaper: RGBImage(width: 9, height: 9, color: .white)) == nil)
    #expect(CutOut(onPaper: RGBImage(width: 9, height: 9, color: .black)) == nil)
  }

  @Test func drawingIsExactWhereNothingIsBetweenPixels() {
    let pixels: [UInt8] = [[UInt8]](repeating: [200, 40, 0, 255], count: 16).flatMap { $0 }
    let red = CutOut(width: 4, height: 4, pixels: pixels)
    let paper = RGBImage(width: 12, height: 12, color: RGBColor(10, 20, 30))
    let drawn = paper.with(red, x: 6, y: 6, scale: 1)
    for y in 0..<12 {
      for x in 0..<12 {
        let inside = (4..<8).contains(x) && (4..<8).contains(y)
        let pixel = (y * 12 + x) * 3
        #expect(Array(drawn.pixels[pixel..<pixel + 3]) == (inside ? [200, 40, 0] : [10, 20, 30]))
      }
    }
    #expect(paper.with(red, x: 6, y: 6, scale: 1, opacity: 0) == paper)
    #expect(paper.with(red, x: -50, y: 6, scale: 1) == paper)
    #expect(paper.with(red, x: 6, y: 6, scale: 1, opacity: 0.5).pixels[(6 * 12 + 6) * 3] == 105)
  }

  @Test func noiseHasItsStrength() {
    let grey = RGBImage(width: 100, height: 100, color: RGBColor(128, 128, 128))
    let noisy = grey.exposed(noise: 4, seed: 9)
    let errors = noisy.pixels.map { Double($0) - 128 }
    let mean = errors.reduce(0, +) / Double(errors.count)
    let deviation = (errors.map { $0 * $0 }.reduce(0, +) / Double(errors.count)).squareRoot()
    #expect(abs(mean) < 0.2)
    #expect(abs(deviation - 4) < 0.3)
    #expect(grey.exposed(noise: 4, seed: 9) == noisy)
    #expect(grey.exposed(noise: 4, seed: 10) != noisy)
    #expect(grey.exposed(gain: SIMD3(0.5, 1, 2)).pixels.prefix(3) == [64, 128, 255])
  }
}
