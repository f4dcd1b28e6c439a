import Foundation
import Testing

@testable import Pictures

@Suite struct ImagesResamplerParityTests {
  struct Case: Decodable {
    let source: String
    let filter: ResamplingFilter
    let box: [Double]
    let width: Int
    let height: Int
    let expected: String
  }

  static func resized(_ image: RGBImage, _ test: Case, mirrored: Bool = false) -> [Float] {
    var target = [Float](repeating: -1, count: 3 * test.width * test.height)
    Resampler().resample(
      image.pixels, sourceWidth: image.width, sourceHeight: image.height,
      box: CropBox(
        x: test.box[0], y: test.box[1], width: test.box[2] - test.box[0],
        height: test.box[3] - test.box[1]),
      to: &target, width: test.width, height: test.height, filter: test.filter,
      mirrored: mirrored)
    return target
  }

  /// Pillow rounds to bytes between the two passes and at the end; nothing is rounded here. So the
  /// two may differ by about one at any pixel, and must by much less than that on average.
  @Test func resizesLikePillow() throws {
    let cases = try ImageFixtures.json("resize.json", as: [Case].self)
    #expect(cases.count == 16)
    for test in cases {
      let image = try ImageDecoder().decode(contentsOf: ImageFixtures.path(test.source))
      let found = Self.resized(image, test)
      let expected = try ImageFixtures.bytes(test.expected)
      var sum = 0.0
      var greatest = 0.0
      let plane = test.width * test.height
      for pixel in 0..<plane {
        for channel in 0..<3 {
          let gap = abs(
            Double(found[channel * plane + pixel]) * 255 - Double(expected[pixel * 3 + channel]))
          sum += gap
          greatest = max(greatest, gap)
        }
      }
      #expect(sum / Double(plane * 3) < 0.5, "\(test)")
      #expect(greatest < 1.5, "\(test)")
    }
  }

  @Test func mirroringIsExact() throws {
    let test = try ImageFixtures.json("resize.json", as: [Case].self)[6]
    let image = try ImageDecoder().decode(contentsOf: ImageFixtures.path(test.source))
    let plain = Self.resized(image, test)
    let mirrored = Self.resized(image, test, mirrored: true)
    for row in 0..<3 * test.height {
      let range = row * test.width..<(row + 1) * test.width
      #expect(Array(plain[range].reversed()) == Array(mirrored[range]))
    }
  }

  /// A JPEG read at a reduced scale and resized shows what the full one does, to within the
  /// difference between two good ways of shrinking.
  @Test func reducedScalesLookTheSame() throws {
    let path = ImageFixtures.path("baseline444.jpg")
    let image = try ImageDecoder().decode(contentsOf: path)
    var full = [Float](repeating: 0, count: 3 * 20 * 20)
    Resampler().resample(
      image.pixels, sourceWidth: image.width, sourceHeight: image.height,
      box: CropBox(width: image.width, height: image.height), to: &full, width: 20, height: 20)
    let reduced = try ImageDecoder().square(
      contentsOf: path, size: 20, fit: .squash, normalization: .identity)
    let mean = zip(full, reduced).map { abs($0 - $1) }.reduce(0, +) / Float(full.count)
    #expect(mean < 0.03)
  }

  @Test func theFourthLaneNeverReachesAPixel() throws {
    // A white picture stays white at every size: no neighbouring garbage, weights that add to one.
    let image = RGBImage(width: 13, height: 11, color: .white)
    for size in 1...40 {
      let test = Case(
        source: "", filter: .bicubic, box: [0.5, 0.5, 12, 10], width: size, height: 41 - size,
        expected: "")
      #expect(Self.resized(image, test).allSatisfy { abs($0 - 1) < 1e-5 })
    }
  }
}
