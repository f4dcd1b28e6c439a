import Files
import Foundation
import Testing
import TrainingRuns

@testable import ImageJEPA
@testable import Pictures

@Suite struct ImagesCorruptionTests {
  /// Runs `body` on the planes `[3, height, width]` and returns what it made of them.
  static func changed(
    _ planes: [Float], width: Int, height: Int, _ body: (PixelPlanes) -> Void
  ) -> [Float] {
    var copy = planes
    copy.withUnsafeMutableBufferPointer {
      body(PixelPlanes($0.baseAddress!, width: width, height: height))
    }
    return copy
  }

  /// Eleven pixels, so that both the vectors and the rest are used, all of one colour.
  static func pixel(_ red: Float, _ green: Float, _ blue: Float, _ body: (PixelPlanes) -> Void)
    -> [Float]
  {
    let planes = [red, green, blue].flatMap { [Float](repeating: $0, count: 11) }
    let result = changed(planes, width: 11, height: 1, body)
    for channel in 0..<3 {
      #expect(Set(result[channel * 11..<(channel + 1) * 11]).count == 1)
    }
    return [result[0], result[11], result[22]]
  }

  static func close(_ left: [Float], _ right: [Float], _ tolerance: Float = 1e-5) -> Bool {
    left.count == right.count && zip(left, right).allSatisfy { abs($0 - $1) <= tolerance }
  }

  // torchvision.transforms.functional on a float picture of the colour (0.8, 0.3, 0.1):
  // brightness 1.5 (1.0000, 0.4500, 0.1500); contrast 0.5 over its own grey 0.42662
  // (0.61331, 0.36331, 0.26331); saturation 2 (1.0000, 0.17338, 0.0000).
  @Test func jitterFollowsTorchvision() {
    typealias Change = ColorJitter.Change
    let brightness = Self.pixel(0.8, 0.3, 0.1) { Change(brightness: 1.5).apply(to: $0) }
    #expect(Self.close(brightness, [1, 0.45, 0.15]))
    let contrast = Self.pixel(0.8, 0.3, 0.1) { Change(contrast: 0.5).apply(to: $0) }
    #expect(Self.close(contrast, [0.61331, 0.36331, 0.26331], 1e-4))
    let saturation = Self.pixel(0.8, 0.3, 0.1) { Change(saturation: 2).apply(to: $0) }
    #expect(Self.close(saturation, [1, 0.17338, 0], 1e-4))
  }

  @Test func hueTurnsTheColourCircle() {
    typealias Change = ColorJitter.Change
    // A third of a turn makes red green, green blue and blue red.
    let third = Self.pixel(0.8, 0.3, 0.1) { Change(hue: 1 / 3).apply(to: $0) }
    #expect(Self.close(third, [0.1, 0.8, 0.3]))
    let back = Self.pixel(0.8, 0.3, 0.1) { Change(hue: -1 / 3).apply(to: $0) }
    #expect(Self.close(back, [0.3, 0.1, 0.8]))
    let half = Self.pixel(0.2, 0.9, 0.4) { Change(hue: 0.5).apply(to: $0) }
    // The complement: largest and smallest exchange their places about the middle.
    #expect(Self.close(half, [0.9, 0.2, 0.7]))
    let grey = Self.pixel(0.5, 0.5, 0.5) { Change(hue: 0.25).apply(to: $0) }
    #expect(Self.close(grey, [0.5, 0.5, 0.5]))
    for step in 0...20 {
      let shift = Float(step) / 20 - 0.5
      for color in [[0.9, 0.2, 0.1], [0.1, 0.7, 0.3], [0.2, 0.1, 0.8], [1, 1, 0]] as [[Float]] {
        let turned = Self.pixel(color[0], color[1], color[2]) { Change(hue: shift).apply(to: $0) }
        #expect(abs(turned.max()! - color.max()!) < 1e-5)
        #expect(abs(turned.min()! - color.min()!) < 1e-5)
      }
    }
  }

  @Test func orderOfTheFourMatters() {
    typealias Change = ColorJitter.Change
    let one = Self.pixel(0.8, 0.3, 0.1) {
      Change(order: [.brightness, .saturation, .contrast, .hue], brightness: 1.5, saturation: 0)
        .apply(to: $0)
    }
    let other = Self.pixel(0.8, 0.3, 0.1) {
      Change(order: [.saturation, .brightness, .contrast, .hue], brightness: 1.5, saturation: 0)
        .apply(to: $0)
    }
    // Cut at 1 before the grey, or not: 0.58015 and 0.63993.
    #expect(Self.close(one, [0.58015, 0.58015, 0.58015], 1e-4))
    #expect(Self.close(other, [0.63993, 0.63993, 0.63993], 1e-4))
  }

  @Test func greyAndSolarize() {
    let grey = Self.pixel(0.8, 0.3, 0.1) { Greyscale.apply(to: $0) }
    #expect(Self.close(grey, [0.42662, 0.42662, 0.42662]))
    let solar = Self.pixel(0.8, 0.5, 0.1) { Solarize(threshold: 0.5).apply(to: $0) }
    #expect(Self.close(solar, [0.2, 0.5, 0.1]))
  }

  @Test func blurIsAGaussianWithMirroredEdges() {
    // A point becomes the kernel; what falls over the edge comes back, so that the sum stays.
    var planes = [Float](repeating: 0, count: 3 * 15 * 15)
    planes[7 * 15 + 7] = 1
    let blurred = Self.changed(planes, width: 15, height: 15) {
      GaussianBlur.apply(sigma: 1, to: $0)
    }
    let kernel = (-3...3).map { exp(-Float($0 * $0) / 2) }
    let sum = kernel.reduce(0, +)
    #expect(abs(blurred[7 * 15 + 7] - 1 / (sum * sum)) < 1e-6)
    #expect(abs(blurred[7 * 15 + 9] - kernel[5] / (sum * sum)) < 1e-6)
    #expect(abs(blurred.prefix(225).reduce(0, +) - 1) < 1e-5)
    // A constant stays one, also where the kernel is wider than the picture.
    let flat = Self.changed([Float](repeating: 0.3, count: 3 * 4 * 2), width: 4, height: 2) {
      GaussianBlur.apply(sigma: 5, to: $0)
    }
    #expect(flat.allSatisfy { abs($0 - 0.3) < 1e-5 })
    // 0 1 0 0 with the edge pixel not repeated: position -1 is position 1.
    let edge = Self.changed(
      [0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], width: 4, height: 1
    ) { GaussianBlur.apply(sigma: 1.0 / 3, to: $0) }
    let (middle, side) = (1 / (1 + 2 * exp(Float(-4.5))), exp(Float(-4.5)))
    #expect(Self.close(Array(edge.prefix(3)), [2 * side * middle, middle, side * middle], 1e-6))
  }

  @Test func noiseHasItsStrength() {
    var generator = SeededGenerator(seed: 3)
    let noisy = Self.changed([Float](repeating: 0.5, count: 3 * 64 * 64), width: 64, height: 64) {
      Noise.apply(strength: 0.1, to: $0, using: &generator)
    }
    let mean = noisy.reduce(0, +) / Float(noisy.count)
    let deviation = (noisy.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / Float(noisy.count))
      .squareRoot()
    #expect(abs(mean - 0.5) < 0.005)
    #expect(abs(deviation - 0.1) < 0.003)
  }

  @Test func erasedRectanglesHaveTheirArea() throws {
    var generator = SeededGenerator(seed: 4)
    let erase = Erase(probability: 1, scale: 0.1...0.2)
    for _ in 0..<200 {
      let rectangle = try #require(erase.draw(width: 40, height: 30, using: &generator))
      let planes = Self.changed([Float](repeating: 1, count: 3600), width: 40, height: 30) {
        Erase.apply(rectangle, to: $0)
      }
      let share = Float(planes.filter { $0 == 0 }.count) / 3600
      #expect(share > 0.08 && share < 0.22)
    }
  }

  @Test func cellsAreKeptExactly() {
    let cells = CellMask(keep: 0.6, cellSize: 8)
    #expect(cells.cellCount(size: 64) == 64 && cells.keptCount(size: 64) == 38)
    var counts = [Int](repeating: 0, count: 64)
    for seed in 0..<400 {
      var generator = SeededGenerator(seed: UInt64(seed))
      var mask = [UInt8](repeating: 9, count: 64)
      cells.draw(size: 64, into: &mask, using: &generator)
      #expect(mask.reduce(0) { $0 + Int($1) } == 38)
      for (index, kept) in mask.enumerated() { counts[index] += Int(kept) }
      let planes = Self.changed([Float](repeating: 1, count: 3 * 64 * 64), width: 64, height: 64) {
        cells.apply(mask, to: $0)
      }
      for y in stride(from: 0, to: 64, by: 5) {
        for x in stride(from: 0, to: 64, by: 3) {
          #expect(planes[4096 + y * 64 + x] == Float(mask[y / 8 * 8 + x / 8]))
        }
      }
    }
    #expect(counts.allSatisfy { $0 > 180 && $0 < 300 })
  }

  @Test func cropsStayInsideAndInRange() {
    var generator = SeededGenerator(seed: 5)
    for (width, height) in [(400, 533), (1, 5000), (5000, 1), (1, 1), (3, 2), (64, 64)] {
      for _ in 0..<300 {
        let crop = RandomResizedCrop(scale: 0.1...0.4)
        let box = crop.draw(width: width, height: height, using: &generator)
        #expect(box.x >= 0 && box.y >= 0 && box.width > 0 && box.height > 0)
        #expect(box.x + box.width <= Double(width) + 1e-9)
        #expect(box.y + box.height <= Double(height) + 1e-9)
        if width == 400 {
          let share = box.width * box.height / Double(width * height)
          #expect(share > 0.0999 && share < 0.4001)
          #expect(box.width / box.height > 0.7499 && box.width / box.height < 1.3334)
        }
      }
    }
  }
}
