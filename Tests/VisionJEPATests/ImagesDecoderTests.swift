import CImage
import Foundation
import Testing

@testable import Pictures

@Suite struct ImagesDecoderTests {
  struct Flavour: Decodable {
    let width: Int
    let height: Int
    let tolerance: Double
  }

  @Test func everyFlavourDecodesAsInPillow() throws {
    let flavours = try ImageFixtures.json("flavours.json", as: [String: Flavour].self)
    #expect(flavours.count == 37)
    for (name, flavour) in flavours.sorted(by: { $0.key < $1.key }) {
      let image = try ImageDecoder().decode(contentsOf: ImageFixtures.path(name))
      #expect(image.width == flavour.width && image.height == flavour.height, "\(name)")
      let stem = name.prefix { $0 != "." }
      let gap = difference(image.pixels, try ImageFixtures.bytes("\(stem).rgb"))
      #expect(gap.mean <= flavour.tolerance, "\(name) is off by \(gap)")
    }
  }

  /// A region at a scale is what the whole picture at that scale has there.
  @Test func regionsAreCutOutOfTheWhole() throws {
    let names = try ImageFixtures.json("flavours.json", as: [String: Flavour].self).keys.sorted()
    let decoder = ImageDecoder()
    for name in names {
      let bytes = try ImageFixtures.bytes(name)
      let header = try decoder.header(bytes, name: name)
      for eighths in header.isReducible ? [8, 4, 2, 1] : [8] {
        let whole = try region(
          bytes, header, eighths, CropBox(width: header.width, height: header.height))
        for box in [
          CropBox(x: 20, y: 10, width: 12, height: 9), CropBox(x: 0, y: 20, width: 9, height: 9),
          CropBox(x: 25.5, y: 0.25, width: 3.5, height: 20),
          CropBox(x: 9, y: 17, width: 1, height: 1),
        ] {
          let part = try region(bytes, header, eighths, box)
          for y in 0..<part.height {
            let start = ((y + part.y) * whole.width + part.x) * 3
            let expected = Array(whole.pixels[start..<start + part.width * 3])
            let found = Array(part.pixels[y * part.width * 3..<(y + 1) * part.width * 3])
            #expect(
              difference(expected, found).greatest <= 0, "\(name) at \(eighths)/8, \(box), row \(y)"
            )
          }
        }
      }
    }
  }

  private func region(
    _ bytes: [UInt8], _ header: ImageHeader, _ eighths: Int, _ box: CropBox
  ) throws -> (x: Int, y: Int, width: Int, height: Int, pixels: [UInt8]) {
    let workspace = ImageWorkspace()
    return try bytes.withUnsafeBufferPointer { bytes in
      let region = try ImageDecoder().decode(
        bytes, header: header, name: "", scaleInEighths: eighths, covering: [box], margin: 0,
        workspace: workspace)
      let pixels = UnsafeBufferPointer(
        start: region.pixels, count: region.width * region.height * 3)
      return (region.originX, region.originY, region.width, region.height, Array(pixels))
    }
  }

  @Test func transparencyShowsTheStatedBackground() throws {
    let decoder = ImageDecoder(background: RGBColor(0, 200, 100))
    let image = try decoder.decode(contentsOf: ImageFixtures.path("rgba8.png"))
    // The first row of the fixture is wholly transparent.
    #expect(Array(image.pixels.prefix(3)) == [0, 200, 100])
  }

  /// As Pillow writes it, before the picture, and as others do, behind it.
  @Test(arguments: [8 + 25, nil])
  func theOrientationOfAPNGIsHonoured(place: Int?) throws {
    let tags: [UInt8] = [
      0x4D, 0x4D, 0, 0x2A, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0,
    ]
    let chunk = [0, 0, 0, UInt8(tags.count)] + Array("eXIf".utf8) + tags
    // The checksum of this very chunk.
    let checksum: [UInt8] = [0x39, 0x2F, 0xA3, 0x52]
    var bytes = try ImageFixtures.bytes("rgb8.png")
    let end = bytes.count - 12
    bytes.insert(contentsOf: chunk + checksum, at: place ?? end)
    let plain = try ImageDecoder().decode(contentsOf: ImageFixtures.path("rgb8.png"))
    let turned = try ImageDecoder().decode(bytes, name: "turned.png")
    #expect(turned.width == plain.height && turned.height == plain.width)
    // A quarter to the right: the first row is the first column from below.
    let last = (plain.height - 1) * plain.width * 3
    #expect(turned.pixels.prefix(3) == plain.pixels[last..<last + 3])
  }

  /// Photographs of 12 bits a sample are legal JPEGs that libjpeg's usual build does not read.
  @Test func twelveBitsAreNamed() throws {
    var bytes = try ImageFixtures.bytes("baseline444.jpg")
    let frame = try #require(
      (0..<bytes.count - 1).first { bytes[$0] == 0xFF && bytes[$0 + 1] == 0xC0 })
    // The extended sequential kind, for which 12 bits are allowed.
    bytes[frame + 1] = 0xC1
    bytes[frame + 4] = 12
    #expect {
      try ImageDecoder().decode(bytes, name: "deep.jpg")
    } throws: { error in
      guard case ImageError.unsupported("deep.jpg", let reason) = error else { return false }
      return reason.contains("12")
    }
  }

  @Test func headersTellFormatAndSize() throws {
    let turned = try ImageDecoder().header(
      ImageFixtures.bytes("orientation6.jpg"), name: "orientation6.jpg")
    #expect(turned.isReducible && turned.orientation == 6)
    #expect(turned.width == 45 && turned.height == 61)
    let interlaced = try ImageDecoder().header(ImageFixtures.bytes("interlaced.png"), name: "")
    #expect(interlaced.isMultipass && interlaced.bitDepth == 8 && interlaced.channels == 3)
  }

  /// Messages, help texts and completions have the list of `cimage.c`.
  @Test func kindsOfPicturesAreListedOnce() {
    #expect(PictureFormat.all.map(\.name) == ["PNG", "JPEG"])
    #expect(PictureFormat.names == "PNG or JPEG")
    #expect(PictureFormat.endings == ["png", "jpg", "jpeg", "jpe", "jfif"])
    #expect(PictureFormat.isNamedLikeOne("a/B.JPG") && !PictureFormat.isNamedLikeOne("png"))
  }

  @Test func theSmallestSufficientScaleIsTaken() throws {
    let header = ImageHeader(
      width: 400, height: 533, orientation: 1, channels: 3, bitDepth: 8, isReducible: true,
      isMultipass: false)
    func scale(_ width: Double, _ height: Double, _ size: Int) -> Int {
      ImageDecoder.scaleInEighths(
        for: header, crops: [(CropBox(x: 0, y: 0, width: width, height: height), size, size)])
    }
    #expect(scale(400, 533, 400) == 8)
    #expect(scale(400, 533, 200) == 4)
    #expect(scale(400, 533, 201) == 8)
    #expect(scale(400, 200, 96) == 4)
    #expect(scale(400, 533, 50) == 1)
  }

  @Test func wrongExtensionsDoNotMatter() throws {
    let image = try ImageDecoder().decode(contentsOf: ImageFixtures.path("png-named.jpg"))
    #expect(image.width == 9 && image.height == 7)
  }

  @Test func extremeShapesDecode() throws {
    let decoder = ImageDecoder()
    #expect(try decoder.decode(contentsOf: ImageFixtures.path("one-pixel.png")).width == 1)
    #expect(try decoder.decode(contentsOf: ImageFixtures.path("thin.png")).height == 5000)
    #expect(try decoder.decode(contentsOf: ImageFixtures.path("thin.jpg")).width == 5000)
    for name in ["one-pixel.png", "thin.png", "thin.jpg"] {
      for fit in SquareFit.allCases {
        let square = try decoder.square(
          contentsOf: ImageFixtures.path(name), size: 16, fit: fit, normalization: .identity)
        #expect(square.allSatisfy { $0 >= 0 && $0 <= 1 })
      }
    }
  }

  @Test func encodedPicturesDecodeToTheSame() throws {
    let image = try ImageDecoder().decode(contentsOf: ImageFixtures.path("rgb8.png"))
    #expect(try ImageDecoder().decode(image.pngBytes(), name: "again") == image)
  }
}

@Suite struct ImagesHostileInputTests {
  private func error(_ name: String) -> ImageError? {
    do {
      _ = try ImageDecoder().decode(contentsOf: ImageFixtures.path(name))
      return nil
    } catch {
      return error
    }
  }

  @Test func cutPicturesAreErrorsNotGreyRows() {
    for name in ["truncated.jpg", "truncated-progressive.jpg", "truncated.png", "headless.png"] {
      guard case .truncated(let path, _) = error(name) else {
        Issue.record("\(name): \(String(describing: error(name)))")
        continue
      }
      #expect(path == ImageFixtures.path(name))
    }
    #expect(error("headless.jpg") != nil)
  }

  @Test func damageIsNamed() {
    guard case .corrupt = error("flipped.png") else {
      Issue.record("\(String(describing: error("flipped.png")))")
      return
    }
  }

  @Test func bombsAreRefusedByTheirHeader() throws {
    for name in ["bomb.png", "bomb.jpg"] {
      let found = try #require(error(name))
      #expect(
        found
          == .tooLarge(
            path: ImageFixtures.path(name), width: 16000, height: 10000, pixels: 160_000_000,
            pixelBudget: 100_000_000))
      #expect(
        found.description.hasSuffix(
          "16000x10000 needs 160 megapixels in memory, over --max-megapixels 100"))
      #expect(!found.description.contains("\n"))
    }
  }

  /// The numbers never look equal.
  @Test func aPixelTooManyIsSaid() throws {
    let header = try ImageDecoder().header(ImageFixtures.bytes("rgb8.png"), name: "")
    let limit = header.width * header.height - 1
    let error = #expect(throws: ImageError.self) {
      try ImageDecoder(pixelBudget: limit).decode(contentsOf: ImageFixtures.path("rgb8.png"))
    }
    #expect(
      error?.description.hasSuffix("0.001073 megapixels in memory, over --max-megapixels 0.001072")
        == true)
  }

  /// A JPEG is scaled while it is decoded: what counts is what is held.
  @Test func largeJPEGsAreReadWithinTheBudget() throws {
    let bytes = try RGBImage(width: 800, height: 600, color: RGBColor(200, 30, 40)).jpegBytes(
      quality: 80)
    let folder = try ScratchFolder()
    let path = try folder.write(bytes, to: "large.jpg")
    let decoder = ImageDecoder(pixelBudget: 10_000)
    #expect(try decoder.square(contentsOf: path, size: 32).count == 3 * 32 * 32)
    let small = try decoder.decode(contentsOf: path, shortSide: 64)
    #expect(small.width == 100 && small.height == 75)
    #expect(throws: ImageError.self) { try decoder.decode(contentsOf: path) }
  }

  /// Damage below the square that is looked at is damage.
  @Test func damageBelowTheCropIsFound() throws {
    let folder = try ScratchFolder()
    let tall = RGBImage(
      width: 64, height: 512,
      pixels: (0..<64 * 512 * 3).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 13) })
    for (name, bytes) in [
      ("tall.jpg", try tall.jpegBytes(quality: 90)), ("tall.png", try tall.pngBytes()),
    ] {
      #expect(
        try ImageDecoder().square(
          contentsOf: folder.write(bytes, to: name), size: 16
        ).count == 768)
      let cut = try folder.write(Array(bytes.dropLast(bytes.count / 10)), to: "cut-\(name)")
      #expect(throws: ImageError.self) { try ImageDecoder().square(contentsOf: cut, size: 16) }
      var changed = bytes
      // A marker where the codes should be, at nine tenths of the file.
      changed.replaceSubrange(bytes.count * 9 / 10..<bytes.count * 9 / 10 + 2, with: [0xFF, 0xD3])
      let path = try folder.write(changed, to: "changed-\(name)")
      #expect(throws: ImageError.self) { try ImageDecoder().square(contentsOf: path, size: 16) }
    }
  }

  @Test func otherFilesAreNamedForWhatTheyAre() {
    guard case .notAPicture(_, "a GIF") = error("not-a-picture.png") else {
      Issue.record("\(String(describing: error("not-a-picture.png")))")
      return
    }
    guard case .unreadableFile(_, "No such file or directory") = error("absent.png") else {
      Issue.record("\(String(describing: error("absent.png")))")
      return
    }
  }

  @Test func emptyFilesAreNamed() throws {
    let folder = try ScratchFolder()
    let file = try folder.write([], to: "empty.png")
    #expect(throws: ImageError.emptyFile(path: file)) {
      try ImageDecoder().decode(contentsOf: file)
    }
  }

  /// Cut or change every picture anywhere: an error or a picture, never a crash.
  @Test func randomDamageNeverCrashes() throws {
    let names = try ImageFixtures.json(
      "flavours.json", as: [String: ImagesDecoderTests.Flavour].self
    ).keys.sorted()
    let decoder = ImageDecoder(pixelBudget: 1_000_000)
    var generator = SystemRandomNumberGenerator()
    for name in names {
      let bytes = try ImageFixtures.bytes(name)
      for _ in 0..<60 {
        var damaged = bytes
        if Bool.random(using: &generator) {
          damaged.removeLast(Int.random(in: 1..<bytes.count, using: &generator))
        }
        for _ in 0..<Int.random(in: 0...3, using: &generator) {
          let place = Int.random(in: 0..<damaged.count, using: &generator)
          damaged[place] = UInt8.random(in: 0...255, using: &generator)
        }
        _ = try? decoder.decode(damaged, name: name)
      }
    }
  }

  @Test func exifIsReadWithinItsBounds() {
    func orientation(_ bytes: [UInt8]) -> Int32 {
      // A copy of exactly the size, so that a sanitizer sees any byte read too far.
      let copy = UnsafeMutablePointer<UInt8>.allocate(capacity: max(bytes.count, 1))
      defer { copy.deallocate() }
      copy.update(from: bytes, count: bytes.count)
      return cimage_exif_orientation(copy, bytes.count)
    }
    let prefix = Array("Exif\0\0".utf8)
    let little: [UInt8] =
      prefix + [0x49, 0x49, 0x2A, 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0]
    let big: [UInt8] =
      prefix + [0x4D, 0x4D, 0, 0x2A, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, 8, 0, 0]
    #expect(orientation(little) == 6)
    #expect(orientation(big) == 8)
    for length in 0..<little.count - 2 { #expect(orientation(Array(little.prefix(length))) == 0) }
    var wild = little
    wild.replaceSubrange(10..<14, with: [0xFF, 0xFF, 0xFF, 0xFF])
    #expect(orientation(wild) == 0)
    var many = little
    many.replaceSubrange(14..<16, with: [0xFF, 0xFF])
    many[16] = 0x13
    #expect(orientation(many) == 0)
    var nine = little
    nine[24] = 9
    #expect(orientation(nine) == 0)
  }
}
