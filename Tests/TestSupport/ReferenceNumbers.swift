import Foundation

extension Reference {
  /// Reads the numbers of a frozen reference, a JSON file given relative to Tests/Fixtures.
  public static func numbers<Numbers: Decodable>(
    _ relativePath: String, as type: Numbers.Type = Numbers.self
  ) throws -> Numbers {
    let data = try Data(contentsOf: URL(fileURLWithPath: Fixtures.path(relativePath)))
    return try JSONDecoder().decode(Numbers.self, from: data)
  }
}
