/// A named number of a run, such as an energy, a loss term or a learning rate.
public struct Metric: Equatable, Sendable {
  public let name: String
  public let value: Double

  public init(_ name: String, _ value: Double) {
    self.name = name
    self.value = value
  }
}
