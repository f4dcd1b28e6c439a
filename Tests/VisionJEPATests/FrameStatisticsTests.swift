import Files
import Foundation
import Testing
import TrainingRuns

@testable import Frames
@testable import Pictures
@testable import VideoJEPA

@Suite struct FrameStatisticsTests {
  private func noise(_ seed: UInt64, width: Int = 40, height: Int = 24) -> RGBImage {
    var generator = SeededGenerator(seed: seed)
    return RGBImage(
      width: width, height: height,
      pixels: (0..<width * height * 3).map { _ in UInt8(generator.index(below: 256)) })
  }

  private func statistics(_ images: [RGBImage]) -> [FrameStatistics] {
    var stream = FrameStatisticsStream()
    var results: [FrameStatistics] = []
    for (index, image) in images.enumerated() {
      let frame = VideoFrame(index: index, seconds: Double(index) / 25, image: image)
      if let result = stream.push(frame) { results.append(result) }
    }
    return results + stream.finish()
  }

  @Test func distancesAreTheDefinitions() {
    let (a, b) = (GreyFrame(noise(1)), GreyFrame(noise(2)))
    let distance = a.distance(to: b)
    let gaps = zip(a.brightness, b.brightness).map { Double(abs(Int($0) - Int($1))) }
    #expect(abs(distance.mean - gaps.reduce(0, +) / Double(gaps.count)) < 1e-9)
    var blocks: [Double] = []
    for row in 0..<16 {
      for column in 0..<16 {
        var (sum, count) = (0.0, 0.0)
        for y in row * 24 / 16..<(row + 1) * 24 / 16 {
          for x in column * 40 / 16..<(column + 1) * 40 / 16 {
            sum += gaps[y * 40 + x]
            count += 1
          }
        }
        blocks.append(sum / count)
      }
    }
    let top = blocks.sorted(by: >).prefix(4).reduce(0, +) / 4
    #expect(abs(distance.top - top) < 1e-9)
    #expect(b.distance(to: a) == distance)
    #expect(a.distance(to: a) == FrameDistance(mean: 0, top: 0))
  }

  @Test func interpolationErrorIsTheDefinition() {
    let frames = (1...3).map { GreyFrame(noise($0)) }
    let error = frames[1].interpolationError(between: frames[0], and: frames[2])
    var sum = 0.0
    for i in frames[1].brightness.indices {
      sum += abs(
        Double(frames[1].brightness[i])
          - (Double(frames[0].brightness[i]) + Double(frames[2].brightness[i])) / 2)
    }
    #expect(abs(error.mean - sum / Double(frames[1].brightness.count)) < 1e-9)
  }

  @Test func framesSmallerThanTheGridWork() {
    let small = [noise(1, width: 3, height: 1), noise(2, width: 3, height: 1)].map(GreyFrame.init)
    let distance = small[0].distance(to: small[1])
    #expect(distance.mean > 0)
    #expect(abs(distance.top - distance.mean) < 1e-9)
  }

  @Test func knownFramesHaveKnownStatistics() {
    let levels = [100, 110, 120, 90, 90]
    let images = levels.map {
      RGBImage(width: 20, height: 20, color: RGBColor(UInt8($0), UInt8($0), UInt8($0)))
    }
    let found = statistics(images)
    #expect(found.map(\.pixelDifference) == [nil, 10, 10, 30, 0])
    #expect(found.map(\.pixelDifferenceTop) == [nil, 10, 10, 30, 0])
    #expect(found.map(\.interpolationError) == [nil, 0, 20, 15, nil])
    #expect(found.map(\.colorShift) == [nil, 10, 10, 30, 0])
    #expect(found.map(\.colorInterpolationError) == [nil, 0, 20, 15, nil])
    #expect(found.map(\.isRepeat) == [nil, false, false, false, true])
    #expect(found[1].orderRatio == 20.5 / 40.5)
    #expect(found[2].orderRatio == 40.5 / 40.5)
    #expect(found[3].orderRatio == 30.5 / 60.5)
    #expect(found.map(\.index) == [0, 1, 2, 3, 4])
    #expect(found.map(\.seconds) == (0..<5).map { Double($0) / 25 })
    #expect(found.allSatisfy { $0.transition == nil })
  }

  @Test func transitionsHoldAllFifteenDistances() {
    let images = (0..<9).map { noise(UInt64($0)) }
    let frames = images.map(GreyFrame.init)
    let found = statistics(images)
    #expect(
      found.map { $0.transition != nil } == [
        false, false, false, true, true, true, true, false, false,
      ])
    let transition = found[4].transition!
    for (place, pair) in TransitionDistances.pairs.enumerated() {
      #expect(
        transition.distances[place] == frames[1 + pair.first].distance(to: frames[1 + pair.second]))
    }
  }

  @Test(arguments: 0...3) func fewFramesAreEnoughForWhatTheyHave(count: Int) {
    let found = statistics((0..<count).map { noise(UInt64($0)) })
    #expect(found.map(\.index) == Array(0..<count))
    #expect(found.map { $0.pixelDifference != nil } == (0..<count).map { $0 > 0 })
    #expect(found.map { $0.orderRatio != nil } == (0..<count).map { $0 > 0 && $0 + 1 < count })
  }

  @Test func aStreamCanBeginAnew() {
    var stream = FrameStatisticsStream()
    let images = (0..<4).map { noise(UInt64($0)) }
    func run() -> [FrameStatistics] {
      var results: [FrameStatistics] = []
      for (index, image) in images.enumerated() {
        let frame = VideoFrame(index: index, seconds: 0, image: image)
        if let result = stream.push(frame) { results.append(result) }
      }
      return results + stream.finish()
    }
    #expect(run() == run())
  }

  @Test func aStillOfOneColourHasNoNumbersThatAreNone() {
    let found = statistics(
      [RGBImage](repeating: RGBImage(width: 9, height: 9, color: .white), count: 8))
    for frame in found.dropFirst().dropLast() {
      #expect(frame.pixelDifference == 0)
      #expect(frame.orderRatio == 1)
      #expect(frame.isRepeat == true)
    }
    let transition = found[4].transition!
    #expect(transition.centredLogarithms(floor: 0.1).allSatisfy { abs($0) < 1e-6 })
    #expect(transition.separation(floor: 0.5) == 0)
  }

  @Test func centredLogarithmsHaveNoScale() {
    let images = (0..<6).map { noise(UInt64($0)) }
    let transition = statistics(images)[3].transition!
    let doubled = TransitionDistances(
      transition.distances.map { FrameDistance(mean: 2 * $0.mean, top: 2 * $0.top) })
    let (a, b) = (transition.centredLogarithms(floor: 0), doubled.centredLogarithms(floor: 0))
    #expect(a.count == 30)
    for (x, y) in zip(a, b) { #expect(abs(x - y) < 1e-5) }
    #expect(abs(a.prefix(15).reduce(0, +)) < 1e-4)
  }
}

@Suite struct SeriesWindowTests {
  private func results(_ values: [Double?]) -> [Double?] {
    var window = SeriesWindow(floor: 0.5)
    return (values.compactMap { window.push($0) } + window.finish()).map(\.value)
  }

  private func series(_ count: Int) -> [Double?] {
    var generator = SeededGenerator(seed: 5)
    return (0..<count).map { $0 % 17 == 3 ? nil : Double(generator.uniform(in: 0...9)) }
  }

  /// The definitions, written down plainly.
  private func around(_ values: [Double?], _ place: Int, _ distances: ClosedRange<Int>) -> [Double]
  {
    values.indices.filter { distances.contains(abs($0 - place)) }.compactMap { values[$0] }
  }

  private func median(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
  }

  @Test(arguments: [1, 3, 9, 60]) func streamingGivesTheDefinitions(count: Int) {
    let values = series(count)
    let ratios = results(values)
    #expect(ratios.count == count)
    for place in values.indices {
      let near = around(values, place, 1...4)
      if let value = values[place], !near.isEmpty {
        #expect(abs(ratios[place]! - log((value + 0.5) / (median(near) + 0.5))) < 1e-9)
      } else {
        #expect(ratios[place] == nil)
      }
    }
  }

  @Test func aConstantSeriesIsNothingSpecial() {
    #expect(results([2, 2, 2, 2]) == [0, 0, 0, 0])
  }
}

@Suite struct TokenStatisticsTests {
  private func frame(_ values: [Float]) -> TokenFrame { TokenFrame(values, count: 2, width: 2) }

  @Test func knownTokensHaveKnownStatistics() {
    var stream = TokenStatisticsStream()
    var found: [TokenStatistics] = []
    for tokens in [[1, 0, 1, 0], [1, 0, 1, 0], [0, 1, 0, 3], [0, -2, 0, -2]] as [[Float]] {
      if let result = stream.push(frame(tokens)) { found.append(result) }
    }
    found += stream.finish()
    // Tokens of frame 2 are 1 and 5 off, those of frame 3 are 4.5 and 12.5 off.
    let expected: [Double?] = [nil, 0, 3, 8.5]
    #expect(found.map(\.copyLast) == expected)
    #expect(found.map(\.copyLastTop) == found.map(\.copyLast))
    #expect(found.map(\.cosineDistance) == [nil, 0, 1, 2])
  }

  @Test func zeroTokensAreNotNaN() {
    let zero = frame([0, 0, 0, 0])
    #expect(zero.cosine(to: zero) == 1)
    #expect(zero.cosine(to: frame([1, 2, 3, 4])) == 1)
  }

  @Test func transitionsComeTwoFramesLate() {
    var stream = TokenStatisticsStream()
    var generator = SeededGenerator(seed: 2)
    let frames = (0..<8).map { _ in
      TokenFrame((0..<12).map { _ in generator.uniform() }, count: 4, width: 3)
    }
    let found = frames.compactMap { stream.push($0) } + stream.finish()
    #expect(found.count == 8)
    #expect(
      found.map { $0.transition != nil } == [false, false, false, true, true, true, false, false])
    #expect(found[3].transition!.distances[0] == frames[1].distance(to: frames[0]))
    #expect(found[3].transition!.distances[14] == frames[5].distance(to: frames[4]))
  }
}
