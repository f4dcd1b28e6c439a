/// The symbols that texts are made of: the 256 bytes, and one that ends a text and fills up its row.
///
/// Every text in UTF-8 can be written with it, whatever was seen in training.
public struct Vocabulary: Codable, Sendable, Equatable {
  public init() {}

  /// The symbol after a text's last byte, and in all places after that.
  public let end = 256

  /// How many symbols there are.
  public let count = 257

  /// How many symbols a text has, without its end.
  public func length(of text: String) -> Int { text.utf8.count }

  /// The symbols of a text, filled up with `end` to exactly `length`.
  ///
  /// - Precondition: the text has at most `length` symbols. A text that fills its row has no end.
  public func encode(_ text: String, length: Int) -> [Int] {
    var symbols = text.utf8.map(Int.init)
    precondition(
      symbols.count <= length, "a text of \(symbols.count) symbols in a row of \(length)")
    symbols.append(contentsOf: repeatElement(end, count: length - symbols.count))
    return symbols
  }

  /// The text of a row of symbols, up to its first `end`.
  ///
  /// Bytes that are not UTF-8 (a model may write any) become U+FFFD.
  public func decode(_ symbols: some Sequence<Int>) -> String {
    String(decoding: symbols.prefix { $0 != end }.map { UInt8($0) }, as: UTF8.self)
  }

  private enum CodingKeys: String, CodingKey { case kind }

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    let kind = try values.decode(String.self, forKey: .kind)
    guard kind == Self.kind else {
      throw DecodingError.dataCorruptedError(
        forKey: .kind, in: values,
        debugDescription: "expected a vocabulary of kind \(Self.kind), found \(kind)")
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    try values.encode(Self.kind, forKey: .kind)
  }

  private static let kind = "bytes"
}
