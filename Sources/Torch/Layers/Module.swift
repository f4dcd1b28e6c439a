/// Something with weights: a layer, or a model made of layers.
///
/// A subclass names its tensors and its parts once, after `super.init()`. The path of names from the
/// outermost module, joined by dots, is the key in checkpoints.
open class Module {
  private var ownParameters: [(name: String, tensor: Tensor, parts: [String])] = []
  private var ownBuffers: [(name: String, tensor: Tensor)] = []
  private var children: [(name: String, module: Module)] = []

  /// Whether layers that behave differently in training (batch norm) do so.
  public private(set) var isTraining = true

  public init() {}

  // MARK: Naming

  /// Names a tensor that is learned.
  ///
  /// - Parameters:
  ///   - parameter: the tensor; from now on gradients reach it.
  ///   - name: its name in checkpoints, after those of the modules around it.
  ///   - parts: the checkpoint keeps equal parts of the first dimension under these names instead;
  ///     one matrix product for query, key and value is faster than three.
  public final func register(parameter: Tensor, as name: String, parts: [String] = []) {
    parameter.requiringGradient()
    ownParameters.append((name, parameter, parts))
  }

  /// Names a tensor that is kept but not learned by gradients.
  public final func register(buffer: Tensor, as name: String) {
    ownBuffers.append((name, buffer))
  }

  /// Names a part of this module. The name may contain dots.
  public final func register(_ child: Module, as name: String) {
    children.append((name, child))
  }

  /// Makes a part's names this module's own, without a name between.
  public final func adopt(_ child: Module) {
    children.append(("", child))
  }

  // MARK: What is in it

  /// Every learned tensor with its path, in the order of registration.
  public var parameters: [(name: String, tensor: Tensor)] {
    ownParameters.map { ($0.name, $0.tensor) } + inChildren(\.parameters)
  }

  /// Whether the layer reads what the whole network is given, such as pixels, and not what another layer made.
  public final var readsInput = false

  /// The learned tensors of the layers that read the network's input, with their paths.
  public var inputWeights: [(name: String, tensor: Tensor)] {
    (readsInput ? ownParameters.map { ($0.name, $0.tensor) } : []) + inChildren(\.inputWeights)
  }

  /// Every tensor that is kept but not learned.
  public var buffers: [(name: String, tensor: Tensor)] {
    ownBuffers + inChildren(\.buffers)
  }

  /// What a checkpoint holds: parameters (whole, or by their parts) and buffers, sharing their memory.
  public var state: [(name: String, tensor: Tensor)] {
    let own = ownParameters.flatMap { entry -> [(name: String, tensor: Tensor)] in
      if entry.parts.isEmpty { return [(entry.name, entry.tensor.detached())] }
      return zip(entry.parts, entry.tensor.detached().split(into: entry.parts.count))
        .map { (name: $0, tensor: $1) }
    }
    return own + ownBuffers + inChildren(\.state)
  }

  /// The number of learned numbers.
  public var parameterCount: Int { parameters.reduce(0) { $0 + $1.tensor.count } }

  private func inChildren(
    _ tensors: (Module) -> [(name: String, tensor: Tensor)]
  ) -> [(name: String, tensor: Tensor)] {
    children.flatMap { child in
      tensors(child.module).map {
        (child.name.isEmpty ? $0.name : "\(child.name).\($0.name)", $0.tensor)
      }
    }
  }

  // MARK: Changing all of it

  /// Switches this module and its parts between training and inference.
  public final func train(_ on: Bool = true) {
    isTraining = on
    for child in children { child.module.train(on) }
  }

  /// Whether batch norms in training update what they use in inference.
  public private(set) var tracksStatistics = true

  /// Runs `body` with running statistics left as they are.
  public final func withoutStatistics<Result>(_ body: () throws -> Result) rethrows -> Result {
    let before = tracksStatistics
    setTracksStatistics(false)
    defer { setTracksStatistics(before) }
    return try body()
  }

  /// The processes over whose items batch norms in training take their statistics; nil for this one's alone.
  public private(set) var group: ProcessGroup?

  /// Has batch norms in training normalize by the statistics of all processes' items, as if one process had them all.
  ///
  /// Where running statistics are kept, they are the same in all processes.
  public final func shareStatistics(over group: ProcessGroup?) {
    self.group = group
    for child in children { child.module.shareStatistics(over: group) }
  }

  private func setTracksStatistics(_ on: Bool) {
    tracksStatistics = on
    for child in children { child.module.setTracksStatistics(on) }
  }

  /// Runs `body` in inference mode without a graph, and restores the mode.
  public final func inferring<Result>(_ body: () throws -> Result) rethrows -> Result {
    let before = isTraining
    train(false)
    defer { train(before) }
    return try withoutGradient(body)
  }

  /// Whether the parameters want gradients; a frozen module's do not.
  public final func requireGradients(_ required: Bool) {
    for (_, tensor) in parameters { tensor.requiringGradient(required) }
  }

  /// Overwrites all weights and buffers with those of a module of the same structure.
  public final func copyState(from other: Module) {
    let (mine, theirs) = (state, other.state)
    precondition(
      mine.map(\.name) == theirs.map(\.name), "copying the state of a module of another structure")
    withoutGradient {
      for (entry, source) in zip(mine, theirs) { entry.tensor.assign(source.tensor) }
    }
  }

  /// Moves every parameter and buffer to a device, in place.
  public final func move(to device: Device) {
    for tensor in parameters.map(\.tensor) + buffers.map(\.tensor) {
      tensor.replaceMemory(with: tensor.detached().to(device: device))
    }
  }

  /// Gives the weights of linear and convolutional layers another type, in place; biases, norms and
  /// positions stay.
  ///
  /// What `withAutocast` then computes is what it computed before, bit for bit: it would have converted the
  /// same weights anew in every pass, beside the originals.
  ///
  /// - Precondition: `dtype` is a floating-point type.
  public final func convertProductWeights(to dtype: DType) {
    precondition(dtype.isFloatingPoint, "converting weights to \(dtype)")
    for (name, tensor) in parameters where tensor.rank >= 2 && name.hasSuffix("weight") {
      tensor.replaceMemory(with: tensor.detached().to(dtype))
    }
  }

  /// Gives every floating-point parameter and buffer another type, in place.
  ///
  /// - Precondition: `dtype` is a floating-point type.
  public final func convert(to dtype: DType) {
    precondition(dtype.isFloatingPoint, "converting weights to \(dtype)")
    let tensors = parameters.map(\.tensor) + buffers.map(\.tensor)
    for tensor in tensors where tensor.dtype.isFloatingPoint {
      tensor.replaceMemory(with: tensor.detached().to(dtype))
    }
  }
}
