import CTorch

extension Tensor {
  /// Whether a gradient with respect to this tensor, or through it, is wanted.
  public var requiresGradient: Bool { withExtendedLifetime(self) { ct_requires_grad(handle) } }

  /// Marks a leaf as something to differentiate by, and returns it.
  @discardableResult
  public func requiringGradient(_ required: Bool = true) -> Tensor {
    Tensor.perform("requiringGradient", self) { ct_set_requires_grad(handle, required) }
    return self
  }

  /// The same values outside of any graph, sharing memory.
  public func detached() -> Tensor { Tensor.make("detached", self) { ct_detach(handle, $0) } }

  /// What `backward()` has added up in this leaf; nil before the first, and after it is set to nil.
  public var gradient: Tensor? {
    get {
      var result: OpaquePointer?
      Tensor.perform("gradient", self) { ct_gradient(handle, &result) }
      return result.map(Tensor.init(owning:))
    }
    set { Tensor.perform("gradient", self, newValue) { ct_set_gradient(handle, newValue?.handle) } }
  }

  /// Adds the gradient of this scalar to every leaf that it depends on, and frees the graph.
  public func backward(_ gradient: Tensor? = nil) {
    Tensor.perform("backward", self, gradient) { ct_backward(handle, gradient?.handle) }
  }
}

/// The gradients of `outputs` (scalars, unless `seeds` are given) with respect to `inputs`.
///
/// - Parameters:
///   - outputs: what is differentiated.
///   - inputs: with respect to what.
///   - seeds: the gradient of each output, of its shape; nil for scalars.
///   - createGraph: keep the graph and make the gradients differentiable themselves. Fused
///     attention has no double backward on the CPU.
/// - Returns: for each input its gradient, of its shape; nil where no output depends on it.
public func gradients(
  of outputs: [Tensor], withRespectTo inputs: [Tensor], seeds: [Tensor]? = nil,
  createGraph: Bool = false
) -> [Tensor?] {
  precondition(
    seeds == nil || seeds!.count == outputs.count,
    "\(outputs.count) outputs with \(seeds?.count ?? 0) seeds")
  var results = [OpaquePointer?](repeating: nil, count: inputs.count)
  let seedHandles = seeds?.map { Optional($0.handle) }
  let status = withExtendedLifetime(seeds) {
    outputs.withHandles { outputs, outputCount in
      inputs.withHandles { inputs, inputCount in
        func call(_ seeds: UnsafePointer<OpaquePointer?>?) -> Int32 {
          ct_grad(outputs, outputCount, seeds, inputs, inputCount, createGraph, &results)
        }
        return seedHandles?.withUnsafeBufferPointer { call($0.baseAddress) } ?? call(nil)
      }
    }
  }
  if status != 0 { Tensor.fail("gradients", outputs + inputs, status) }
  return results.map { $0.map(Tensor.init(owning:)) }
}

/// Runs `body` without recording a graph on this thread.
public func withoutGradient<Result>(_ body: () throws -> Result) rethrows -> Result {
  let before = ct_grad_enabled()
  ct_set_grad_enabled(false)
  defer { ct_set_grad_enabled(before) }
  return try body()
}

/// Runs `body` with a graph, also inside of `withoutGradient`.
public func withGradient<Result>(_ body: () throws -> Result) rethrows -> Result {
  let before = ct_grad_enabled()
  ct_set_grad_enabled(true)
  defer { ct_set_grad_enabled(before) }
  return try body()
}

/// `forward(x)` whose activations are not kept but computed again in the backward pass.
///
/// Saves memory for time. Weights that `forward` uses get their gradients from `backward()` only, not from
/// `gradients(of:withRespectTo:)`. Chen et al. 2016, "Training deep nets with sublinear memory cost",
/// arXiv:1604.06174.
public func checkpointed(_ x: Tensor, _ forward: @escaping (Tensor) -> Tensor) -> Tensor {
  let segment = CheckpointedSegment(
    forward: forward, isInComputation: ComputingThread.current != nil)
  let context = Unmanaged.passRetained(segment).toOpaque()
  return Tensor.make("checkpointed", x) { out in
    ct_checkpoint(
      x.handle, context,
      { context, x, out in
        Unmanaged<CheckpointedSegment>.fromOpaque(context).takeUnretainedValue()(x, out)
      },
      { Unmanaged<CheckpointedSegment>.fromOpaque($0).release() }, out)
  }
}

/// A forward pass that libtorch calls.
private final class CheckpointedSegment {
  private let forward: (Tensor) -> Tensor
  private let isInComputation: Bool

  init(forward: @escaping (Tensor) -> Tensor, isInComputation: Bool) {
    self.forward = forward
    self.isInComputation = isInComputation
  }

  /// - Parameter handle: the input, which this takes over.
  func callAsFunction(_ handle: OpaquePointer, _ out: ct_out) -> Int32 {
    let x = Tensor(owning: handle)
    do {
      // The backward pass on a device is on a thread of libtorch's own, which must go on to report an error.
      let isElsewhere = isInComputation && ComputingThread.current == nil
      let result = isElsewhere ? try Computation.run { self.forward(x) } : forward(x)
      return withExtendedLifetime(result) { ct_alias(result.handle, out) }
    } catch {
      ct_set_last_error("\(error)")
      return (error as? ComputationError)?.status ?? Int32(CT_REFUSED)
    }
  }
}
