import Foundation

/// How a picture is resized.
public enum ResamplingFilter: String, Codable, Sendable, CaseIterable {
  /// The cubic convolution of Keys 1981 with a = -1/2, as Pillow and torchvision have it.
  case bicubic
  /// A triangle one pixel to either side.
  case bilinear

  /// Half the width of the filter in source pixels, when nothing shrinks.
  package var support: Double { self == .bicubic ? 2 : 1 }

  func callAsFunction(_ distance: Double) -> Double {
    let x = abs(distance)
    switch self {
    case .bilinear: return max(0, 1 - x)
    case .bicubic:
      let a = -0.5
      if x < 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
      if x < 2 { return (((x - 5) * x + 8) * x - 4) * a }
      return 0
    }
  }
}

/// Which source pixels make each target pixel of one axis, and by how much.
///
/// As Pillow's `precompute_coeffs` (`src/libImaging/Resample.c`): the filter widens by the factor of
/// shrinking, which is what antialiases, and is cut and renormalised at the edges of the source.
struct ResamplingWeights {
  private(set) var starts: [Int] = []
  private(set) var counts: [Int] = []
  private(set) var weights: [Float] = []
  /// Weights kept for each target pixel, of which `counts` are used.
  private(set) var stride = 0

  /// Fills the table for `targets` pixels out of `start ..< start + length` of a source of `limit`
  /// pixels; `reversed` mirrors the target.
  mutating func prepare(
    start: Double, length: Double, limit: Int, targets: Int, filter: ResamplingFilter,
    reversed: Bool
  ) {
    let scale = length / Double(targets)
    let filterScale = max(scale, 1)
    let support = filter.support * filterScale
    stride = Int(support.rounded(.up)) * 2 + 1
    starts.removeAll(keepingCapacity: true)
    counts.removeAll(keepingCapacity: true)
    weights.removeAll(keepingCapacity: true)
    for position in 0..<targets {
      let target = reversed ? targets - 1 - position : position
      let center = start + (Double(target) + 0.5) * scale
      let first = min(max(0, Int(center - support + 0.5)), limit - 1)
      let last = max(min(limit, Int(max(center + support + 0.5, 0))), first + 1)
      let count = min(last - first, stride)
      var sum = 0.0
      let base = weights.count
      for tap in 0..<stride {
        let distance = (Double(first + tap) - center + 0.5) / filterScale
        let weight = tap < count ? filter(distance) : 0
        sum += weight
        weights.append(Float(weight))
      }
      if sum != 0 {
        let inverse = Float(1 / sum)
        for tap in base..<base + count { weights[tap] *= inverse }
      } else {
        weights[base] = 1
      }
      starts.append(first)
      counts.append(count)
    }
  }
}

/// Resizes a crop of 8-bit RGB straight to planes of Float32, antialiased.
///
/// Rows first, columns second, and values outside 0...255 cut after each, as Pillow does on 8-bit
/// pictures; but nothing is rounded between the two or at the end. Against Pillow's
/// `resize(size, filter, box:)` the difference is therefore rounding: at most about 1/255 at any
/// pixel and less than 0.5/255 on average.
///
/// An instance keeps its tables and rows from call to call; it belongs to one thread.
public final class Resampler {
  private var columns = ResamplingWeights()
  private var rows = ResamplingWeights()
  private var sourceRow = ReusedBuffer<Float>()
  private var narrowed = ReusedBuffer<Float>()

  public init() {}

  /// Resizes `box` of a picture to `[3, height, width]`.
  ///
  /// - Parameters:
  ///   - source: `sourceHeight` rows of `sourceWidth` RGB pixels.
  ///   - sourceWidth: columns of the source.
  ///   - sourceHeight: rows of the source.
  ///   - box: what to take, in pixels of the source; pixels around it count where the filter
  ///     reaches, up to the edges of the source.
  ///   - target: room for `3 * height * width` values.
  ///   - width: columns of the target.
  ///   - height: rows of the target.
  ///   - filter: how pixels are weighed.
  ///   - mirrored: whether left and right are exchanged.
  ///   - scale: for each channel, what 0...255 is multiplied with: 1/255 gives 0...1.
  ///   - offset: for each channel, what is added then.
  /// - Precondition: all sides are positive.
  public func resample(
    _ source: UnsafePointer<UInt8>, sourceWidth: Int, sourceHeight: Int, box: CropBox,
    to target: UnsafeMutablePointer<Float>, width: Int, height: Int,
    filter: ResamplingFilter = .bicubic, mirrored: Bool = false,
    scale: SIMD3<Float> = SIMD3(repeating: 1 / 255), offset: SIMD3<Float> = .zero
  ) {
    precondition(
      sourceWidth > 0 && sourceHeight > 0 && width > 0 && height > 0 && box.width > 0
        && box.height > 0,
      "resizing \(box.width)x\(box.height) of \(sourceWidth)x\(sourceHeight) to \(width)x\(height)")
    columns.prepare(
      start: box.x, length: box.width, limit: sourceWidth, targets: width, filter: filter,
      reversed: mirrored)
    rows.prepare(
      start: box.y, length: box.height, limit: sourceHeight, targets: height, filter: filter,
      reversed: false)
    let firstRow = rows.starts[0]
    let lastRow = rows.starts[height - 1] + rows.counts[height - 1]
    // One float more than the pixels, for the fourth lane of the last one; whole vectors of 16.
    let stride = (width * 3 + 1 + 15) / 16 * 16
    let middle = narrowed.reserve((lastRow - firstRow) * stride)
    narrow(
      source + firstRow * sourceWidth * 3, sourceWidth: sourceWidth, rowCount: lastRow - firstRow,
      into: middle, stride: stride, width: width)
    shorten(
      middle, firstRow: firstRow, stride: stride, to: target, width: width, height: height,
      scale: scale, offset: offset)
  }

  /// Resizes rows: RGB bytes to interleaved RGB floats in 0...255, `stride` floats a row.
  private func narrow(
    _ source: UnsafePointer<UInt8>, sourceWidth: Int, rowCount: Int,
    into middle: UnsafeMutablePointer<Float>, stride: Int, width: Int
  ) {
    let first = min(columns.starts[0], columns.starts[width - 1])
    let last = max(
      columns.starts[0] + columns.counts[0],
      columns.starts[width - 1] + columns.counts[width - 1])
    let used = (last - first) * 3
    let row = sourceRow.reserve(used + 1)
    row[used] = 0
    let raw = UnsafeRawPointer(row)
    let taps = columns.stride
    columns.starts.withUnsafeBufferPointer { starts in
      columns.counts.withUnsafeBufferPointer { counts in
        columns.weights.withUnsafeBufferPointer { weights in
          for y in 0..<rowCount {
            let bytes = source + (y * sourceWidth + first) * 3
            for i in 0..<used { row[i] = Float(bytes[i]) }
            var out = UnsafeMutableRawPointer(middle + y * stride)
            var weight = weights.baseAddress!
            for x in 0..<width {
              var pixel = raw + (starts[x] - first) * 12
              // Four floats from an RGB pixel: the fourth lane is the next one's red, unused. Two
              // sums, so that one addition need not wait for the other.
              var (sum, other) = (SIMD4<Float>.zero, SIMD4<Float>.zero)
              let count = counts[x]
              var tap = 0
              while tap + 1 < count {
                sum += pixel.loadUnaligned(as: SIMD4<Float>.self) * weight[tap]
                other +=
                  pixel.loadUnaligned(fromByteOffset: 12, as: SIMD4<Float>.self) * weight[tap + 1]
                pixel += 24
                tap += 2
              }
              if tap < count {
                sum += pixel.loadUnaligned(as: SIMD4<Float>.self) * weight[tap]
              }
              sum = Self.cutToByte(sum + other)
              out.storeBytes(of: sum, as: SIMD4<Float>.self)
              out += 12
              weight += taps
            }
          }
        }
      }
    }
  }

  /// `SIMD.clamped` goes through the lanes one by one; this is two instructions.
  @inline(__always)
  private static func cutToByte(_ value: SIMD4<Float>) -> SIMD4<Float> {
    let (low, high) = (SIMD4<Float>(repeating: 0), SIMD4<Float>(repeating: 255))
    let raised = value.replacing(with: low, where: value .< low)
    return raised.replacing(with: high, where: high .< raised)
  }

  /// Resizes columns, and takes the interleaved colours apart into planes.
  private func shorten(
    _ middle: UnsafePointer<Float>, firstRow: Int, stride: Int,
    to target: UnsafeMutablePointer<Float>, width: Int, height: Int, scale: SIMD3<Float>,
    offset: SIMD3<Float>
  ) {
    let plane = width * height
    let line = sourceRow.reserve(stride)
    rows.weights.withUnsafeBufferPointer { weights in
      for y in 0..<height {
        let weight = weights.baseAddress! + y * rows.stride
        let count = rows.counts[y]
        let top = UnsafeRawPointer(middle + (rows.starts[y] - firstRow) * stride)
        var i = 0
        while i < width * 3 {
          var sum = SIMD16<Float>.zero
          var pixel = top + i * 4
          for tap in 0..<count {
            sum += pixel.loadUnaligned(as: SIMD16<Float>.self) * weight[tap]
            pixel += stride * 4
          }
          UnsafeMutableRawPointer(line + i).storeBytes(of: sum, as: SIMD16<Float>.self)
          i += 16
        }
        let red = target + y * width
        let green = red + plane
        let blue = green + plane
        for x in 0..<width {
          red[x] = min(max(line[x * 3], 0), 255) * scale.x + offset.x
          green[x] = min(max(line[x * 3 + 1], 0), 255) * scale.y + offset.y
          blue[x] = min(max(line[x * 3 + 2], 0), 255) * scale.z + offset.z
        }
      }
    }
  }
}
