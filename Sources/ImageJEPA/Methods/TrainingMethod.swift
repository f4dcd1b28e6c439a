import Foundation
import Learning
import Pictures
import Torch

/// The tensors of one batch on the device: all of them go there in one copy.
public struct TrainingBatch {
  /// B, the number of pictures.
  public let count: Int
  /// Which part of all processes' pictures these are.
  public let share: ItemShare
  private let batch: ViewBatch
  /// The batch's memory, uint8 `[bytes]`.
  private let bytes: Tensor
  private let dtype: DType

  /// - Parameters:
  ///   - share: which part of all processes' pictures these are; by default all.
  ///   - dtype: what pixels are computed in.
  package init(
    _ batch: ViewBatch, device: Device, share: ItemShare? = nil, dtype: DType = .float32
  ) {
    self.batch = batch
    self.dtype = dtype
    count = batch.count
    self.share = share ?? ItemShare(of: batch.count)
    let onHost = Tensor.view(
      of: batch.bytes, shape: [batch.bytes.count], dtype: .uint8, keepingAlive: batch)
    bytes = onHost.to(device: device)
    if device.isAccelerator {
      let read = DeviceEvent(recordedOn: device)
      batch.waitUntilRead = { read.wait() }
    }
  }

  /// All views of a kind, `[n * B, 3, size, size]`, copy by copy; without a copy of them.
  ///
  /// - Precondition: the plan has views of this name.
  public func pictures(_ name: String) -> Tensor {
    let (specification, regions) = region(of: name)
    return elements(regions.pixels, .float32).to(dtype)
      .reshaped(specification.count * count, 3, specification.size, specification.size)
  }

  /// What was done to each view, `[n * B, ViewParameters.width]`.
  public func corruption(_ name: String) -> Tensor {
    let (specification, regions) = region(of: name)
    return elements(regions.parameters, .float32)
      .reshaped(specification.count * count, ViewParameters.width)
  }

  /// Which cells each view shows, `[n * B, rows, columns]`: 1 kept, 0 hidden.
  public func cells(_ name: String) -> Tensor {
    let (specification, regions) = region(of: name)
    let side = specification.cells?.side(size: specification.size) ?? 0
    return elements(regions.masks, .uint8).to(.float32)
      .reshaped(specification.count * count, side, side)
  }

  /// Copies of a view for each picture.
  public func copies(_ name: String) -> Int { region(of: name).specification.count }

  private func elements(_ region: Range<Int>, _ dtype: DType) -> Tensor {
    bytes.slice(region).viewed(as: dtype)
  }

  private func region(
    of name: String
  ) -> (specification: ViewSpecification, regions: ViewRegions) {
    guard let found = batch.region(of: name) else {
      preconditionFailure("the plan has no views named \(name)")
    }
    return found
  }
}

extension Device {
  /// Where batches for this device are to lie; nil for the heap.
  package var batchAllocator: BatchAllocator? {
    guard case .cuda = self else { return nil }
    return { byteCount in
      (try? PinnedMemory(byteCount: byteCount)).map { ($0.bytes, $0) }
    }
  }
}

/// An encoder, what is trained with it, and the energy that training makes smaller.
public protocol TrainingMethod: AnyObject {
  /// The encoder that is kept.
  var encoder: VisionEncoder { get }
  /// Everything that gradients change, with the names that parameters start with.
  var trained: [(name: String, module: Module)] { get }
  /// Everything beside `encoder` that a checkpoint needs.
  var companions: [(name: String, module: Module)] { get }

  /// The energy of one batch.
  ///
  /// - Parameters:
  ///   - batch: the views.
  ///   - generator: makes the step's random draws.
  ///   - precision: what the encoder computes in; nil for float32.
  func energy(of batch: TrainingBatch, using generator: RandomGenerator, precision: DType?)
    -> StepEnergy

  /// Called after each update of the weights, with the progress 0…1.
  func didStep(progress: Double)

  /// How badly the parts of each picture fit together: the prediction error of tokens from others.
  ///
  /// - Parameters:
  ///   - pictures: `[B, 3, S, S]`, normalised.
  ///   - generator: where random numbers come from.
  /// - Returns: `[B]`; nil where the method predicts nothing.
  func energies(of pictures: Tensor, using generator: RandomGenerator) -> Tensor?

  /// How badly each of some tokens is predicted from the rest of its picture.
  ///
  /// - Parameters:
  ///   - pictures: `[B, 3, S, S]`, normalised.
  ///   - hidden: int64 `[B, m]`, the tokens that are hidden, none twice.
  /// - Returns: `[B, m]`; nil where the method predicts nothing.
  func tokenErrors(of pictures: Tensor, hiding hidden: Tensor) -> Tensor?

  /// What is predicted of hidden tokens from the others.
  ///
  /// - Parameters:
  ///   - pictures: `[B, 3, S, S]`, normalised.
  ///   - masks: the tokens that each mask hides in all pictures, int64 `[m]`, none twice.
  /// - Returns: for each mask `[B, m, P]`; nil where the method predicts nothing.
  func tokenPredictions(of pictures: Tensor, hiding masks: [Tensor]) -> [Tensor]?

  /// The control without any prediction: -|z|^2 of what the energy compares, `[B]`.
  func controls(of pictures: Tensor) -> Tensor
}

extension TrainingMethod {
  public func didStep(progress: Double) {}
  public func tokenErrors(of pictures: Tensor, hiding hidden: Tensor) -> Tensor? { nil }
  public func tokenPredictions(of pictures: Tensor, hiding masks: [Tensor]) -> [Tensor]? { nil }
}
