import Pictures

/// A frame as the pixel statistics see it: its brightness in bytes, its mean colour.
public struct GreyFrame: Sendable, Equatable {
  public let width: Int
  public let height: Int
  /// `height` rows of `width` bytes: 0.299 red + 0.587 green + 0.114 blue, rounded.
  public let brightness: [UInt8]
  /// The mean of each colour, 0...255.
  public let meanColor: SIMD3<Double>

  public init(_ image: RGBImage) {
    let count = image.width * image.height
    var sums = (red: 0, green: 0, blue: 0)
    brightness = [UInt8](unsafeUninitializedCapacity: count) { brightness, length in
      image.pixels.withUnsafeBufferPointer { pixels in
        for i in 0..<count {
          let red = UInt32(pixels[i * 3])
          let green = UInt32(pixels[i * 3 + 1])
          let blue = UInt32(pixels[i * 3 + 2])
          brightness[i] = UInt8((red &* 77 &+ green &* 150 &+ blue &* 29 &+ 128) >> 8)
          sums.red &+= Int(red)
          sums.green &+= Int(green)
          sums.blue &+= Int(blue)
        }
      }
      length = count
    }
    width = image.width
    height = image.height
    meanColor = SIMD3(Double(sums.red), Double(sums.green), Double(sums.blue)) / Double(count)
  }
}

/// How far two frames are apart, over all and where they differ most.
public struct FrameDistance: Codable, Sendable, Equatable {
  /// The mean over all places.
  public var mean: Double
  /// The mean over the few places where it is greatest: see `GreyFrame.topBlockCount`.
  public var top: Double

  public init(mean: Double, top: Double) {
    self.mean = mean
    self.top = top
  }
}

extension GreyFrame {
  /// Blocks along a side of the grid that `FrameDistance.top` looks at; fewer in smaller frames.
  public static let blocksPerSide = 16
  /// How many of the blocks that differ most `FrameDistance.top` is the mean of.
  public static let topBlockCount = 4

  /// The mean absolute difference of brightness, in grey levels 0...255: over all pixels, and over
  /// the four blocks of 16 x 16 in which it is greatest.
  ///
  /// - Precondition: both frames have one size.
  public func distance(to other: GreyFrame) -> FrameDistance {
    precondition(
      width == other.width && height == other.height,
      "frames of \(width)x\(height) and \(other.width)x\(other.height)")
    return brightness.withUnsafeBufferPointer { a in
      other.brightness.withUnsafeBufferPointer { b in
        blockwise { i in UInt32(max(a[i], b[i]) &- min(a[i], b[i])) }
      }
    }
  }

  /// The mean absolute difference between this frame and the mean of its two neighbours, in grey
  /// levels, as in `distance(to:)`: |x_t - (x_{t-1} + x_{t+1}) / 2|.
  ///
  /// Motion at a constant speed has a small one where it is slow; a frame that does not belong
  /// between its neighbours has a large one.
  ///
  /// - Precondition: all frames have one size.
  public func interpolationError(between before: GreyFrame, and after: GreyFrame) -> FrameDistance {
    precondition(
      [before, after].allSatisfy { $0.width == width && $0.height == height },
      "neighbours of another size than \(width)x\(height)")
    let doubled = brightness.withUnsafeBufferPointer { x in
      before.brightness.withUnsafeBufferPointer { a in
        after.brightness.withUnsafeBufferPointer { b in
          blockwise { i in
            let (middle, ends) = (UInt32(x[i]) &* 2, UInt32(a[i]) &+ UInt32(b[i]))
            return max(middle, ends) &- min(middle, ends)
          }
        }
      }
    }
    return FrameDistance(mean: doubled.mean / 2, top: doubled.top / 2)
  }

  /// Means of `difference`, a function of the pixel's place, over all and over the top blocks.
  @inline(__always)
  private func blockwise(_ difference: (Int) -> UInt32) -> FrameDistance {
    let columns = min(Self.blocksPerSide, width)
    let rows = min(Self.blocksPerSide, height)
    var total = 0
    var top = [Double](repeating: 0, count: min(Self.topBlockCount, columns * rows))
    withUnsafeTemporaryAllocation(of: UInt32.self, capacity: width) { sums in
      for row in 0..<rows {
        // Sums down each column of pixels first: that runs over whole rows of memory.
        sums.update(repeating: 0)
        let (first, last) = (row * height / rows, (row + 1) * height / rows)
        for y in first..<last {
          let start = y * width
          for x in 0..<width { sums[x] &+= difference(start &+ x) }
        }
        for column in 0..<columns {
          let (left, right) = (column * width / columns, (column + 1) * width / columns)
          var sum = 0
          for x in left..<right { sum += Int(sums[x]) }
          total += sum
          var mean = Double(sum) / Double((right - left) * (last - first))
          for place in top.indices where mean > top[place] { swap(&mean, &top[place]) }
        }
      }
    }
    return FrameDistance(
      mean: Double(total) / Double(width * height),
      top: top.reduce(0, +) / Double(top.count))
  }
}
