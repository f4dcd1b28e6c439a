/// Floating-point operations, counted from the networks' sizes: two for each multiplication of a matrix product
/// with its addition. Everything else (norms, softmax, lookups) is left out, for every model alike.
enum OperationCount {
  /// `rows` vectors through a linear layer.
  static func linear(_ rows: Int, _ inputs: Int, _ outputs: Int) -> Double {
    2 * Double(rows) * Double(inputs) * Double(outputs)
  }

  /// `Q K^T` and the weighted sum of the values, over all heads.
  static func attention(queries: Int, keys: Int, width: Int) -> Double {
    4 * Double(queries) * Double(keys) * Double(width)
  }

  /// The linear layers of a block's self-attention and MLP.
  static func layers(_ rows: Int, _ sizes: PlannerConfiguration) -> Double {
    linear(rows, sizes.width, 4 * sizes.width) + 2 * linear(rows, sizes.width, sizes.hidden)
  }

  /// The linear layers of a block's cross-attention, but for its keys and values.
  static func crossLayers(_ rows: Int, _ sizes: PlannerConfiguration) -> Double {
    linear(rows, sizes.width, 2 * sizes.width)
  }

  /// A prompt through the encoder, and into the keys and values of each block that reads it.
  static func prompt(_ length: Int, _ sizes: PlannerConfiguration) -> Double {
    Double(sizes.promptDepth)
      * (layers(length, sizes) + attention(queries: length, keys: length, width: sizes.width))
      + Double(sizes.predictorDepth) * linear(length, sizes.width, 2 * sizes.width)
  }
}

extension PlannerModel {
  /// Operations to encode a prompt of so many symbols, once.
  public func operationsOfPrompt(length: Int) -> Double {
    OperationCount.prompt(max(1, length), configuration)
  }

  /// Operations of one energy, of latents that are there.
  ///
  /// - Parameters:
  ///   - promptLength: symbols of the prompt.
  ///   - withGradient: whether the gradient by the latents is computed too: each linear layer is
  ///     passed again backwards; of self-attention both factors of both products have a gradient,
  ///     of cross-attention the keys and values need none.
  public func operationsOfEnergy(promptLength: Int, withGradient: Bool) -> Double {
    let (answer, width) = (limits.answerLength, configuration.width)
    let depth = Double(configuration.predictorDepth)
    let linear =
      2 * OperationCount.linear(answer, configuration.latentWidth, width)
      + depth
      * (OperationCount.layers(answer, configuration)
        + OperationCount.crossLayers(answer, configuration))
    let own = depth * OperationCount.attention(queries: answer, keys: answer, width: width)
    let cross =
      depth * OperationCount.attention(queries: answer, keys: max(1, promptLength), width: width)
    return withGradient ? 2 * linear + 3 * own + 2 * cross : linear + own + cross
  }

  /// Operations to decode latents.
  public var operationsOfDecoding: Double {
    OperationCount.linear(
      limits.answerLength, configuration.latentWidth, configuration.decoderHidden)
      + OperationCount.linear(limits.answerLength, configuration.decoderHidden, vocabulary.count)
  }

  /// Operations to read an answer: symbols to latents.
  public var operationsOfEncoding: Double {
    OperationCount.linear(
      limits.answerLength, configuration.symbolWidth, configuration.latentWidth)
  }
}

extension AutoregressiveModel {
  /// Operations to encode a prompt of so many symbols, once.
  public func operationsOfPrompt(length: Int) -> Double {
    OperationCount.prompt(max(1, length), configuration)
  }

  /// Operations to write an answer, with earlier symbols' keys and values kept.
  ///
  /// - Parameters:
  ///   - length: symbols, without the end, which is written too where the answer does not fill its
  ///     row.
  ///   - promptLength: symbols of the prompt.
  public func operationsOfWriting(length: Int, promptLength: Int) -> Double {
    let written = min(length + 1, limits.answerLength)
    let block =
      OperationCount.layers(1, configuration) + OperationCount.crossLayers(1, configuration)
      + OperationCount.attention(
        queries: 1, keys: max(1, promptLength), width: configuration.width)
    let symbol =
      Double(configuration.predictorDepth) * block
      + OperationCount.linear(1, configuration.width, vocabulary.count)
    let past = (1...max(1, written)).reduce(0.0) {
      $0 + OperationCount.attention(queries: 1, keys: $1, width: configuration.width)
    }
    return Double(written) * symbol + Double(configuration.predictorDepth) * past
  }
}
