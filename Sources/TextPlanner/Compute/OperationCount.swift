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

  /// Operations of one energy, of latents that are there: one pass through the predictor.
  ///
  /// - Parameter contextLength: what the predictor attends to, the symbols of the prompt and of a memory's
  ///   answers.
  public func operationsOfEnergy(contextLength: Int) -> Double {
    let products = predictorProducts(contextLength: contextLength)
    return products.linear + products.own + products.cross
  }

  /// Operations of the gradient of an energy by the latents, once that is there: each linear layer is passed
  /// backwards; of self-attention both factors of both products have a gradient, of cross-attention the
  /// keys and values need none.
  public func operationsOfGradient(contextLength: Int) -> Double {
    let products = predictorProducts(contextLength: contextLength)
    return products.linear + 2 * products.own + products.cross
  }

  private func predictorProducts(
    contextLength: Int
  ) -> (linear: Double, own: Double, cross: Double) {
    let (answer, width) = (limits.answerLength, configuration.width)
    let depth = Double(configuration.predictorDepth)
    return (
      2 * OperationCount.linear(answer, configuration.latentWidth, width)
        + depth
        * (OperationCount.layers(answer, configuration)
          + OperationCount.crossLayers(answer, configuration)),
      depth * OperationCount.attention(queries: answer, keys: answer, width: width),
      depth * OperationCount.attention(queries: answer, keys: max(1, contextLength), width: width)
    )
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

/// What each pass of a plan costs for one prompt, in floating-point operations of matrix products.
public struct PlanningCosts: Equatable, Sendable {
  /// Reading the prompt and the entries of a memory, once.
  public let prompt: Double
  /// An energy of latents.
  public let evaluation: Double
  /// Its gradient besides.
  public let gradient: Double
  /// Latents to symbols.
  public let decoding: Double
  /// Symbols to latents.
  public let encoding: Double
  /// The energy of an answer that was decoded.
  public var verification: Double { encoding + evaluation }
}

extension PlannerModel {
  /// What a plan's passes cost for a prompt, and what a memory holds for it.
  public func operationCosts(
    ofPrompt prompt: String, entries: [RetrievedEntry] = []
  ) -> PlanningCosts {
    let length = vocabulary.length(of: prompt)
    let contextLength = length + entries.count * limits.answerLength
    return PlanningCosts(
      prompt: entries.reduce(operationsOfPrompt(length: length)) {
        $0
          + operationsOfPrompt(length: vocabulary.length(of: $1.prompt) + limits.answerLength)
      },
      evaluation: operationsOfEnergy(contextLength: contextLength),
      gradient: operationsOfGradient(contextLength: contextLength),
      decoding: operationsOfDecoding, encoding: operationsOfEncoding)
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
