import Torch

/// What a model of clips says about each frame: how badly its neighbours predict it, and how far its tokens
/// are from those of the frames before.
///
/// Frames are pushed one by one, in any portions; they are encoded once, in groups of a fixed size counted
/// from the first frame, so that portions change nothing. Only the last group and five frames before it are
/// held.
public final class TokenStatistics {
  /// How the energies of a frame's tokens become one number.
  enum Summary: String, CaseIterable {
    case mean = ""
    /// The mean of the four greatest.
    case top = "Top"
    case greatest = "Max"

    /// `[n, h, w]` to `[n]`.
    func callAsFunction(_ values: Tensor) -> Tensor {
      let flat = values.flattened(1)
      return switch self {
      case .mean: flat.mean(1)
      case .top: flat.top(min(4, flat.size(1)), along: 1).values.mean(1)
      case .greatest: flat.max(1)
      }
    }
  }

  /// How many frames back distances go.
  static let reach = 5

  /// The energies, then the distances to the frames before, then the cosine to the one before.
  public static let names: [String] =
    PredictionMode.allCases.flatMap { mode in Summary.allCases.map { energyName(mode, $0) } }
    + (1...reach).flatMap { [distanceName($0, .mean), distanceName($0, .top)] } + [cosineName]

  static let cosineName = "tokenCosine"

  static func energyName(_ mode: PredictionMode, _ summary: Summary = .mean) -> String {
    "energy" + mode.rawValue.prefix(1).uppercased() + mode.rawValue.dropFirst() + summary.rawValue
  }

  /// The mean squared difference to the tokens of the frame `lag` before; at lag 1 the error of copying.
  static func distanceName(_ lag: Int, _ summary: Summary) -> String {
    "tokenDistance\(lag)\(summary.rawValue)"
  }

  private let model: ClipModel
  private let groupSize: Int
  private let scaler: FrameScaler
  private let device: Device
  /// Normalised pixels of the frames that are not encoded yet.
  private var pending: [Float] = []
  private var pendingCount = 0
  /// Maps of the last `reach` frames that are done, `[n, D, h, w]`.
  private var carried: Tensor?
  /// Frames that are encoded.
  private var doneCount = 0

  /// - Parameter groupSize: frames that are encoded at once.
  public init(_ model: ClipModel, device: Device = .cpu, groupSize: Int = 32) {
    precondition(groupSize > 0, "groups of \(groupSize) frames")
    self.model = model
    self.device = device
    self.groupSize = groupSize
    scaler = FrameScaler(size: model.frameSize)
  }

  /// Takes the next frame, whose row is in `table` already, and writes what can be known by now.
  public func append(_ image: RGBImage, to table: inout FrameTable) {
    let size = model.frameSize
    let bytes = scaler.bytes(of: image)
    let start = pending.count
    pending += [Float](repeating: 0, count: 3 * size * size)
    pending.withUnsafeMutableBufferPointer { pending in
      bytes.withUnsafeBufferPointer {
        ClipChange().render(
          $0.baseAddress!, size: size, normalization: model.description.normalization,
          to: pending.baseAddress! + start)
      }
    }
    pendingCount += 1
    if pendingCount == groupSize { flush(to: &table) }
  }

  /// Writes what is left after the last frame.
  public func finish(_ table: inout FrameTable) {
    if pendingCount > 0 { flush(to: &table) }
  }

  private func flush(to table: inout FrameTable) {
    withoutGradient {
      let size = model.frameSize
      let pixels = Tensor(pending, shape: [1, pendingCount, 3, size, size]).to(device: device)
      let fresh = model.encoder.maps(of: pixels)[0]
      let maps = carried.map { Tensor.concatenate([$0, fresh]) } ?? fresh
      let first = doneCount - (carried?.size(0) ?? 0)
      doneCount += pendingCount
      let new = doneCount - pendingCount..<doneCount
      for mode in PredictionMode.allCases {
        writeEnergies(mode, of: maps, first: first, new: new, to: &table)
      }
      writeDistances(of: maps, first: first, new: new, to: &table)
      carried = maps.slice(max(0, maps.size(0) - Self.reach)..<maps.size(0)).clone()
      pending.removeAll(keepingCapacity: true)
      pendingCount = 0
    }
  }

  /// Energies of the frames whose context has become whole with the frames `new`.
  private func writeEnergies(
    _ mode: PredictionMode, of maps: Tensor, first: Int, new: Range<Int>,
    to table: inout FrameTable
  ) {
    let ahead = max(0, mode.offsets.max() ?? 0)
    let behind = max(0, -(mode.offsets.min() ?? 0))
    // The first frame that lacked its future before, less its past.
    let start = max(first, new.lowerBound - ahead - behind)
    let clip = maps.slice(start - first..<maps.size(0)).unsqueezed(0)
    guard let predictions = ClipPredictions(mode, of: clip, by: model.predictor) else { return }
    let energies = predictions.energies[0]
    for summary in Summary.allCases {
      table.set(
        summary(energies).to(device: .cpu).array(of: Float.self),
        of: Self.energyName(mode, summary), from: start + predictions.targets.lowerBound)
    }
  }

  private func writeDistances(
    of maps: Tensor, first: Int, new: Range<Int>, to table: inout FrameTable
  ) {
    for lag in 1...Self.reach {
      let start = max(new.lowerBound, first + lag)
      guard start < new.upperBound else { continue }
      let current = maps.slice(start - first..<maps.size(0))
      let earlier = maps.slice(start - first - lag..<maps.size(0) - lag)
      let distances = (current - earlier).squared().mean(1)
      for summary in [Summary.mean, .top] {
        table.set(
          summary(distances).to(device: .cpu).array(of: Float.self),
          of: Self.distanceName(lag, summary), from: start)
      }
      if lag == 1 {
        let products = (current * earlier).sum(1)
        let lengths = current.norm(1) * earlier.norm(1) + 1e-12
        table.set(
          (products / lengths).mean(1, 2).to(device: .cpu).array(of: Float.self),
          of: Self.cosineName, from: start)
      }
    }
  }
}
