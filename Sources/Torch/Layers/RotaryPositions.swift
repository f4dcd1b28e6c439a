import Foundation

/// Rotary positions of tokens in space and time, as V-JEPA 2 turns queries and keys.
///
/// A head's channels are three equal groups of `2 * ((d / 3) / 2)`, in integer division, for the frame, the
/// row and the column; what is left is not turned. Neighbouring channels are the pairs that turn:
///
///     y[2i]     = x[2i] cos a[2i]         - x[2i + 1] sin a[2i]
///     y[2i + 1] = x[2i + 1] cos a[2i + 1] + x[2i] sin a[2i + 1]
///
/// and the angles of a group of n channels are the n / 2 angles `place * 10000^(-2k / n)` one after the other,
/// twice over: `a[c] = angle(c mod n / 2)`. So the channels of a pair turn by different angles, which is no
/// rotation; the published weights were learned with it. Su et al. 2021, arXiv:2104.09864; Assran et al. 2025,
/// arXiv:2506.09985.
public struct RotaryPositions {
  /// `[1 or B, 1, N, R]`, R the channels that turn.
  private let cosines: Tensor
  private let sines: Tensor

  /// The places of all tokens of a grid, frame by frame and row by row.
  ///
  /// - Parameters:
  ///   - frames: tokens in time.
  ///   - rows: tokens from top to bottom.
  ///   - columns: tokens from left to right.
  ///   - headWidth: d, channels of a head.
  public init(frames: Int, rows: Int, columns: Int, headWidth: Int) {
    let group = 2 * (headWidth / 3 / 2)
    let frequencies = (0..<group / 2).map { pow(10_000, -Double(2 * $0) / Double(group)) }
    let places = (0..<frames * rows * columns).map { place in
      [place / (rows * columns), place / columns % rows, place % columns]
    }
    let angles = places.flatMap { place in
      place.flatMap { coordinate in
        (frequencies + frequencies).map { Double(coordinate) * $0 }
      }
    }
    let shape = [1, 1, places.count, 3 * group]
    cosines = Tensor(angles.map { Float(cos($0)) }, shape: shape)
    sines = Tensor(angles.map { Float(sin($0)) }, shape: shape)
  }

  private init(cosines: Tensor, sines: Tensor) {
    self.cosines = cosines
    self.sines = sines
  }

  /// The places `kept` (int64 `[B, n]`) of these, each item its own.
  public func gathered(_ kept: Tensor) -> RotaryPositions {
    func gather(_ table: Tensor) -> Tensor {
      table.squeezed(0).expanded(kept.size(0), -1, -1).gatherTokens(kept).unsqueezed(1)
    }
    return RotaryPositions(cosines: gather(cosines), sines: gather(sines))
  }

  /// The same on another device.
  public func to(device: Device) -> RotaryPositions {
    RotaryPositions(cosines: cosines.to(device: device), sines: sines.to(device: device))
  }

  /// Queries or keys `[B, heads, N, d]`, turned.
  public func callAsFunction(_ x: Tensor) -> Tensor {
    let turning = cosines.size(-1)
    guard turning > 0 else { return x }
    let all = x.slice(0..<turning, along: -1)
    let pairs = all.reshaped(x.size(0), x.size(1), x.size(2), turning / 2, 2)
    let crossed = Tensor.stack(
      [-pairs.select(1, along: -1), pairs.select(0, along: -1)], along: -1
    ).flattened(3)
    let turned = all * cosines.to(x.dtype) + crossed * sines.to(x.dtype)
    guard turning < x.size(-1) else { return turned }
    return Tensor.concatenate([turned, x.slice(turning..<x.size(-1), along: -1)], along: -1)
  }
}
