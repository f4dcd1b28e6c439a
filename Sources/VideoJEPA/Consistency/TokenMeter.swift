import Frames
import Pictures
import Torch

/// What a model of clips says about each frame: how badly its neighbours predict it, and how far its tokens
/// are from those of the frames around it.
///
/// Frames are pushed one by one, in any portions; they are encoded once, in groups of a fixed size counted
/// from the first frame, so that portions change nothing. Only the last group and four frames before it are
/// held.
public final class TokenMeter {
  /// Frames that a prediction reaches back and ahead together.
  private static let reach = 4

  private let model: ClipModel
  private let groupSize: Int
  private let scaler: FrameScaler
  private let device: Device
  private var distances = TokenStatisticsStream()
  private var distanceCount = 0
  /// Normalised pixels of the frames that are not encoded yet.
  private var pending: [Float] = []
  private var pendingCount = 0
  /// Maps of the last `reach` frames that are done, `[n, D, h, w]`.
  private var carried: Tensor?
  /// Frames that are encoded.
  private var doneCount = 0

  /// - Parameters:
  ///   - model: what encodes and predicts frames.
  ///   - device: where the numbers are computed.
  ///   - groupSize: frames that are encoded at once.
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
      model.standardize(bytes, to: pending.baseAddress! + start)
    }
    pendingCount += 1
    if pendingCount == groupSize { flush(to: &table) }
  }

  /// Writes what is left after the last frame.
  public func finish(_ table: inout FrameTable) {
    if pendingCount > 0 { flush(to: &table) }
    for statistics in distances.finish() { write(statistics, to: &table) }
  }

  private func flush(to table: inout FrameTable) {
    withoutGradient {
      let size = model.frameSize
      let pixels = Tensor(pending, shape: [1, pendingCount, 3, size, size]).to(device: device)
      let fresh = model.encoder.maps(of: pixels)[0]
      let maps = carried.map { Tensor.concatenate([$0, fresh]) } ?? fresh
      let first = doneCount - (carried?.size(0) ?? 0)
      let firstNew = doneCount
      doneCount += pendingCount
      for mode in PredictionMode.allCases {
        writeEnergies(mode, of: maps, first: first, firstNew: firstNew, to: &table)
      }
      let tokens = fresh.flattened(2).transposed(1, 2).contiguous().to(device: .cpu)
      for frame in 0..<pendingCount {
        let tokenFrame = TokenFrame(
          tokens[frame].array(), count: tokens.size(1), width: tokens.size(2))
        if let statistics = distances.push(tokenFrame) { write(statistics, to: &table) }
      }
      carried = maps.slice(max(0, maps.size(0) - Self.reach)..<maps.size(0)).clone()
      pending.removeAll(keepingCapacity: true)
      pendingCount = 0
    }
  }

  /// Energies of the frames whose context has become whole with the new frames.
  private func writeEnergies(
    _ mode: PredictionMode, of maps: Tensor, first: Int, firstNew: Int, to table: inout FrameTable
  ) {
    let ahead = max(0, mode.offsets.max() ?? 0)
    let behind = max(0, -(mode.offsets.min() ?? 0))
    // The first frame that lacked its future before, less its past.
    let start = max(first, firstNew - ahead - behind)
    let clip = maps.slice(start - first..<maps.size(0)).unsqueezed(0)
    guard let predictions = ClipPredictions(mode, of: clip, by: model.predictor) else { return }
    let energies = predictions.energies[0]
    for summary in Statistic.Summary.allCases {
      table.set(
        summary(energies), of: .energy(mode, summary),
        from: start + predictions.targets.lowerBound)
    }
  }

  /// Writes the statistics of the next frame in turn.
  private func write(_ statistics: TokenStatistics, to table: inout FrameTable) {
    let row = distanceCount
    distanceCount += 1
    for (statistic, value) in statistics.values { table.set(value, of: statistic, at: row) }
    if let transition = statistics.transition {
      table.set(transition, of: .tokens, at: row)
      if let energies = model.hypotheses?.energies(of: transition) {
        for (hypothesis, energy) in zip(TransitionHypothesis.allCases, energies) {
          table.set(energy, of: .misfit(hypothesis, .tokens), at: row)
        }
      }
    }
  }
}

extension Statistic.Summary {
  /// `[n, h, w]` to `[n]`.
  fileprivate func callAsFunction(_ values: Tensor) -> [Float] {
    let flat = values.flattened(1)
    let summed =
      switch self {
      case .mean: flat.mean(1)
      case .top: flat.top(min(TokenFrame.topTokenCount, flat.size(1)), along: 1).values.mean(1)
      case .greatest: flat.max(1)
      }
    return summed.to(device: .cpu).array()
  }
}
