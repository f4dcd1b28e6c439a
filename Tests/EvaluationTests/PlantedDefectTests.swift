import Files
import Pictures
import Testing

@testable import Evaluation

/// Defects that benchmarks put into clean pictures.
@Suite struct PlantedDefectTests {
  /// A picture with something everywhere: coloured squares of eight pixels.
  private static func picture(seed: UInt64) -> RGBImage {
    var image = RGBImage(width: 64, height: 48, color: .white)
    var draws = SeededGenerator(seed: seed)
    for y in stride(from: 0, to: 48, by: 8) {
      for x in stride(from: 0, to: 64, by: 8) {
        let color = RGBColor(
          UInt8(draws.index(below: 256)), UInt8(draws.index(below: 256)),
          UInt8(draws.index(below: 256)))
        image.fill(x: x, y: y, width: 8, height: 8, color)
      }
    }
    return image
  }

  /// The pixels that two pictures differ in.
  private static func changes(_ first: RGBImage, _ second: RGBImage) -> [(x: Int, y: Int)] {
    var places: [(x: Int, y: Int)] = []
    for pixel in 0..<first.width * first.height {
      let bytes = pixel * 3..<pixel * 3 + 3
      guard first.pixels[bytes] != second.pixels[bytes] else { continue }
      places.append((pixel % first.width, pixel / first.width))
    }
    return places
  }

  @Test(arguments: PlantedDefect.allCases)
  func aDefectIsSeenWhereItIsSaidToBe(defect: PlantedDefect) {
    let (image, donor) = (Self.picture(seed: 1), Self.picture(seed: 2))
    for seed in 0..<8 as Range<UInt64> {
      let planted = defect(image, donor: donor, seed: seed)
      let box = planted.box
      #expect(box.x >= 0 && box.y >= 0 && box.width > 0 && box.height > 0)
      #expect(box.x + box.width <= image.width && box.y + box.height <= image.height)
      let changed = Self.changes(image, planted.image)
      let inside = changed.count {
        (box.x..<box.x + box.width).contains($0.x) && (box.y..<box.y + box.height).contains($0.y)
      }
      #expect(inside > 10, "\(defect) changes \(inside) pixels")
      // Of two parts that change places one is outside.
      if defect != .swapped { #expect(inside == changed.count) }
      let again = defect(image, donor: donor, seed: seed)
      #expect(again.image == planted.image && again.box == box)
    }
  }

  @Test func swappedPartsAreOnlyMoved() {
    let image = Self.picture(seed: 1)
    let planted = PlantedDefect.swapped(image, donor: image, seed: 3)
    #expect(image.pixels.sorted() == planted.image.pixels.sorted())
  }

  @Test func anEvenPictureGetsTheMostVisibleDefectThereIs() {
    let white = RGBImage(width: 32, height: 32, color: .white)
    #expect(PlantedDefect.swapped(white, donor: white, seed: 1).image == white)
    #expect(PlantedDefect.scratch(white, donor: white, seed: 1).image != white)
  }
}
