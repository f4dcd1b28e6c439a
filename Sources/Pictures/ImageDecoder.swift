import CImage
import Foundation

/// A rectangle of an upright picture, in pixels; its corners need not be whole.
public struct CropBox: Sendable, Equatable {
  /// The left edge.
  public var x: Double
  /// The upper edge.
  public var y: Double
  public var width: Double
  public var height: Double

  public init(x: Double, y: Double, width: Double, height: Double) {
    self.x = x
    self.y = y
    self.width = width
    self.height = height
  }

  /// The whole of a picture.
  public init(width: Int, height: Int) {
    self.init(x: 0, y: 0, width: Double(width), height: Double(height))
  }

  /// The largest square in the middle of a picture.
  public static func centralSquare(width: Int, height: Int) -> CropBox {
    let side = Double(min(width, height))
    return CropBox(
      x: (Double(width) - side) / 2, y: (Double(height) - side) / 2, width: side, height: side)
  }
}

/// What the header of a picture claims.
public struct ImageHeader: Sendable, Equatable {
  /// Pixels across, upright.
  public let width: Int
  /// Pixels down, upright.
  public let height: Int
  /// EXIF orientation, 1 to 8: how the stored picture is to be turned.
  public let orientation: Int
  /// Samples a pixel as stored: 1 grey or palette, 2 grey and alpha, 3 or 4.
  public let channels: Int
  /// Bits a sample as stored.
  public let bitDepth: Int
  /// Whether it can be decoded to any eighth of its size, such as a JPEG, holding no more than that.
  public let isReducible: Bool
  /// Whether it is an interlaced PNG or a JPEG of several scans, of which all is held while any is
  /// decoded.
  public let isMultipass: Bool
}

/// A picture of 8-bit RGB in memory.
public struct RGBImage: Sendable, Equatable {
  public let width: Int
  public let height: Int
  /// `height` rows of `width` pixels of three bytes.
  public var pixels: [UInt8]

  /// - Precondition: `pixels.count == width * height * 3`, both sides positive.
  public init(width: Int, height: Int, pixels: [UInt8]) {
    precondition(
      width > 0 && height > 0 && pixels.count == width * height * 3,
      "\(pixels.count) bytes for a picture of \(width)x\(height)x3")
    self.width = width
    self.height = height
    self.pixels = pixels
  }

  /// A picture of one colour.
  public init(width: Int, height: Int, color: RGBColor) {
    var pixels = [UInt8](repeating: color.red, count: width * height * 3)
    for pixel in 0..<width * height {
      pixels[pixel * 3 + 1] = color.green
      pixels[pixel * 3 + 2] = color.blue
    }
    self.init(width: width, height: height, pixels: pixels)
  }
}

/// A colour of three bytes.
public struct RGBColor: Codable, Sendable, Equatable {
  public var red: UInt8
  public var green: UInt8
  public var blue: UInt8

  public init(_ red: UInt8, _ green: UInt8, _ blue: UInt8) {
    self.red = red
    self.green = green
    self.blue = blue
  }

  public static let white = RGBColor(255, 255, 255)
  public static let black = RGBColor(0, 0, 0)
}

/// The memory that one thread decodes and resizes in, kept from picture to picture.
package final class ImageWorkspace {
  package var file = ReusedBuffer<UInt8>()
  package var stored = ReusedBuffer<UInt8>()
  package var upright = ReusedBuffer<UInt8>()
  package var planes = ReusedBuffer<Float>()
  package let resampler = Resampler()

  package init() {}

  /// Gives back what a single huge picture made the buffers grow to.
  package func forgetHugePictures() {
    file.shrink(to: 32 << 20)
    stored.shrink(to: 96 << 20)
    upright.shrink(to: 96 << 20)
  }
}

/// The part of a picture that was decoded, at the scale at which it was.
package struct DecodedRegion {
  /// `height` rows of `width` RGB pixels, valid until the workspace decodes again.
  package let pixels: UnsafePointer<UInt8>
  package let width: Int
  package let height: Int
  /// Where the region starts in the scaled picture.
  package let originX: Int
  package let originY: Int
  /// Sides of the scaled picture over those of the full one.
  package let scaleX: Double
  package let scaleY: Double

  /// A crop of the full picture in the coordinates of the region.
  package func box(_ crop: CropBox) -> CropBox {
    CropBox(
      x: crop.x * scaleX - Double(originX), y: crop.y * scaleY - Double(originY),
      width: crop.width * scaleX, height: crop.height * scaleY)
  }
}

/// Turns the bytes of a picture (`PictureFormat`) into upright RGB, never more of it than is asked for.
///
/// The format is recognised by content. What would hold more than `pixelBudget` pixels in memory is
/// refused before any is taken. A JPEG of one scan is scaled down while it is decoded, and only the
/// part that is asked for is held; of a PNG, or a JPEG of several scans, all pixels count.
public struct ImageDecoder: Codable, Sendable, Equatable {
  /// What shows through transparent pixels.
  public var background: RGBColor
  /// The most pixels of a picture that are held in memory while it is decoded.
  public var pixelBudget: Int

  public init(background: RGBColor = .white, pixelBudget: Int = 100_000_000) {
    self.background = background
    self.pixelBudget = pixelBudget
  }

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    background = try values.decode(.background, default: .white)
    pixelBudget = try values.decode(.pixelBudget, default: 100_000_000)
  }

  /// Decodes the whole picture in the file at `path`, upright.
  ///
  /// - Parameters:
  ///   - path: of a file of any kind in `PictureFormat.all`.
  ///   - shortSide: how many pixels its shorter side is needed to have: a JPEG is scaled to
  ///     an eighth, a quarter or a half where that leaves as many. All of them where nil.
  /// - Throws: `ImageError` with the path: unreadable, empty, not a picture, truncated, corrupt,
  ///   unsupported or over the budget.
  public func decode(
    contentsOf path: String, shortSide: Int? = nil
  ) throws(ImageError) -> RGBImage {
    let workspace = ImageWorkspace()
    let bytes = try ImageFile.read(path, name: path, into: &workspace.file)
    return try decodeAll(bytes, name: path, shortSide: shortSide, workspace: workspace)
  }

  /// Decodes the whole picture in `bytes`, upright; `name` stands in its errors.
  ///
  /// - Throws: `ImageError`, as for a file.
  public func decode(_ bytes: [UInt8], name: String) throws(ImageError) -> RGBImage {
    try withBytes(bytes) { bytes throws(ImageError) in
      try decodeAll(bytes, name: name, shortSide: nil, workspace: ImageWorkspace())
    }
  }

  /// What the header of the picture in `bytes` claims; `name` stands in its errors.
  ///
  /// - Throws: `ImageError.emptyFile`, `.notAPicture`, `.truncated`, `.corrupt`, `.unsupported`, or
  ///   `.tooLarge` where it cannot be decoded within the budget, however little of it is asked for.
  public func header(_ bytes: [UInt8], name: String) throws(ImageError) -> ImageHeader {
    try withBytes(bytes) { bytes throws(ImageError) in try header(bytes, name: name) }
  }

  private func withBytes<Result>(
    _ bytes: [UInt8], _ body: (UnsafeBufferPointer<UInt8>) throws(ImageError) -> Result
  ) throws(ImageError) -> Result {
    let copy = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: bytes.count)
    defer { copy.deallocate() }
    _ = copy.initialize(from: bytes)
    return try body(UnsafeBufferPointer(copy))
  }

  private func decodeAll(
    _ bytes: UnsafeBufferPointer<UInt8>, name: String, shortSide: Int?,
    workspace: ImageWorkspace
  ) throws(ImageError) -> RGBImage {
    let header = try header(bytes, name: name)
    let whole = CropBox(width: header.width, height: header.height)
    let eighths = shortSide.map {
      // Both sides are divided alike, so the shorter one decides.
      Self.scaleInEighths(
        for: header, crops: [(.centralSquare(width: header.width, height: header.height), $0, $0)])
    }
    let region = try decode(
      bytes, header: header, name: name, scaleInEighths: eighths ?? 8, covering: [whole],
      margin: 0, workspace: workspace)
    let pixels = UnsafeBufferPointer(start: region.pixels, count: region.width * region.height * 3)
    return RGBImage(width: region.width, height: region.height, pixels: Array(pixels))
  }

  package func header(
    _ bytes: UnsafeBufferPointer<UInt8>, name: @autoclosure () -> String
  ) throws(ImageError) -> ImageHeader {
    guard let base = bytes.baseAddress, bytes.count > 0 else { throw .emptyFile(path: name()) }
    var info = cimage_info()
    var failure = cimage_failure()
    let result = cimage_probe(base, bytes.count, &info, &failure)
    guard result == CIMAGE_OK else {
      throw Self.error(result, failure, name: name(), kind: FileSignature.kind(of: bytes))
    }
    let turned = info.orientation >= 5
    let header = ImageHeader(
      width: Int(turned ? info.height : info.width), height: Int(turned ? info.width : info.height),
      orientation: Int(info.orientation), channels: Int(info.channels),
      bitDepth: Int(info.bit_depth), isReducible: info.reducible != 0,
      isMultipass: info.multipass != 0)
    guard header.width > 0, header.height > 0 else {
      throw .corrupt(path: name(), reason: "a side of \(header.width)x\(header.height) is zero")
    }
    if !header.isReducible || header.isMultipass {
      try requireBudget(for: header.width * header.height, of: header, name: name())
    }
    return header
  }

  private func requireBudget(
    for pixels: Int, of header: ImageHeader, name: @autoclosure () -> String
  ) throws(ImageError) {
    guard pixels <= pixelBudget else {
      throw .tooLarge(
        path: name(), width: header.width, height: header.height, pixels: pixels,
        pixelBudget: pixelBudget)
    }
  }

  /// The smallest scale in eighths at which every crop still has as many pixels as its view.
  ///
  /// Only 8, 4, 2 and 1 eighths, which libjpeg-turbo does with vector instructions.
  package static func scaleInEighths(
    for header: ImageHeader, crops: [(box: CropBox, width: Int, height: Int)]
  ) -> Int {
    guard header.isReducible else { return 8 }
    var eighths = 1
    for crop in crops {
      while eighths < 8,
        crop.box.width * Double(eighths) < Double(crop.width * 8)
          || crop.box.height * Double(eighths) < Double(crop.height * 8)
      {
        eighths *= 2
      }
    }
    return eighths
  }

  /// Decodes the smallest rectangle that holds every one of `boxes` and `margin` scaled pixels more.
  package func decode(
    _ bytes: UnsafeBufferPointer<UInt8>, header: ImageHeader, name: @autoclosure () -> String,
    scaleInEighths eighths: Int, covering boxes: [CropBox], margin: Double,
    workspace: ImageWorkspace
  ) throws(ImageError) -> DecodedRegion {
    let width = Int(cimage_scaled_side(Int32(header.width), Int32(eighths)))
    let height = Int(cimage_scaled_side(Int32(header.height), Int32(eighths)))
    let scaleX = Double(width) / Double(header.width)
    let scaleY = Double(height) / Double(header.height)
    func clamped(_ value: Double, _ upper: Int) -> Int { Int(min(max(value, 0), Double(upper))) }
    var left = width - 1
    var right = 1
    var top = height - 1
    var bottom = 1
    for box in boxes {
      left = min(left, clamped((box.x * scaleX - margin).rounded(.down), width - 1))
      right = max(right, clamped(((box.x + box.width) * scaleX + margin).rounded(.up), width))
      top = min(top, clamped((box.y * scaleY - margin).rounded(.down), height - 1))
      bottom = max(bottom, clamped(((box.y + box.height) * scaleY + margin).rounded(.up), height))
    }
    right = max(right, left + 1)
    bottom = max(bottom, top + 1)

    let stored = Self.storedRegion(
      left: left, top: top, right: right, bottom: bottom, width: width, height: height,
      orientation: header.orientation)
    try requireBudget(for: (right - left) * (bottom - top), of: header, name: name())
    let count = (right - left) * (bottom - top) * 3
    let target = workspace.stored.reserve(count)
    var failure = cimage_failure()
    var paper = (background.red, background.green, background.blue)
    let result = withUnsafeBytes(of: &paper) { paper in
      cimage_decode(
        bytes.baseAddress!, bytes.count, Int32(eighths), stored,
        paper.baseAddress!.assumingMemoryBound(to: UInt8.self), target, &failure)
    }
    guard result == CIMAGE_OK else {
      throw Self.error(result, failure, name: name(), kind: "")
    }
    var pixels = UnsafePointer(target)
    if header.orientation != 1 {
      let upright = workspace.upright.reserve(count)
      cimage_orient(target, stored.width, stored.height, Int32(header.orientation), upright)
      pixels = UnsafePointer(upright)
    }
    return DecodedRegion(
      pixels: pixels, width: right - left, height: bottom - top, originX: left, originY: top,
      scaleX: scaleX, scaleY: scaleY)
  }

  /// The rectangle of the stored picture that becomes the given one of the upright picture, whose
  /// sides are `width` and `height`.
  private static func storedRegion(
    left: Int, top: Int, right: Int, bottom: Int, width: Int, height: Int, orientation: Int
  ) -> cimage_region {
    let fromLeft = (left, right - left)
    let fromRight = (width - right, right - left)
    let fromTop = (top, bottom - top)
    let fromBottom = (height - bottom, bottom - top)
    let (x, y) =
      switch orientation {
      case 2: (fromRight, fromTop)
      case 3: (fromRight, fromBottom)
      case 4: (fromLeft, fromBottom)
      case 5: (fromTop, fromLeft)
      case 6: (fromTop, fromRight)
      case 7: (fromBottom, fromRight)
      case 8: (fromBottom, fromLeft)
      default: (fromLeft, fromTop)
      }
    return cimage_region(
      x: Int32(x.0), y: Int32(y.0), width: Int32(x.1), height: Int32(y.1))
  }

  private static func error(
    _ result: cimage_result, _ failure: cimage_failure, name: String, kind: String
  ) -> ImageError {
    let reason = withUnsafeBytes(of: failure.text) {
      String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
    }
    switch result {
    case CIMAGE_NOT_A_PICTURE: return .notAPicture(path: name, found: kind)
    case CIMAGE_TRUNCATED: return .truncated(path: name, reason: reason)
    case CIMAGE_UNSUPPORTED: return .unsupported(path: name, reason: reason)
    case CIMAGE_NO_MEMORY: return .outOfMemory(path: name)
    default: return .corrupt(path: name, reason: reason)
    }
  }
}
