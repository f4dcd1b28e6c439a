import Torch

/// Texts as symbols, padded to the longest of them.
public struct SymbolBatch {
  /// int64 `[B, n]`
  public let symbols: Tensor
  /// Bool `[B, n]`, true for symbols of the text; nil where nothing is padded.
  let isText: Tensor?

  public var count: Int { symbols.size(0) }

  /// - Parameters:
  ///   - texts: the symbols of each text, unpadded.
  ///   - padding: the symbol that shorter texts are filled with.
  init(_ texts: some Collection<ArraySlice<Int32>>, padding: Int, device: Device = .cpu) {
    // An empty text is one symbol of padding, so that there is something to attend to.
    let length = max(1, texts.map(\.count).max() ?? 1)
    var values = [Int64](repeating: Int64(padding), count: texts.count * length)
    var present = [Bool](repeating: false, count: texts.count * length)
    var isPadded = false
    for (row, text) in texts.enumerated() {
      let start = row * length
      for (column, symbol) in text.enumerated() {
        values[start + column] = Int64(symbol)
        present[start + column] = true
      }
      if text.isEmpty { present[start] = true }
      if text.count < length { isPadded = true }
    }
    symbols = Tensor(values, shape: [texts.count, length]).to(device: device)
    isText =
      isPadded ? Tensor(present, shape: [texts.count, length]).to(device: device) : nil
  }
}
