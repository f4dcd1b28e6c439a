/// A picture that could not be read.
public struct ImageFailure: Sendable, Equatable, Codable {
  public let path: String
  public let error: ImageError

  public init(path: String, error: ImageError) {
    self.path = path
    self.error = error
  }
}
