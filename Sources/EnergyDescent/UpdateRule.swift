import Torch

/// How variables move along the gradient of an energy; for weights and for latents alike.
///
/// A rule may remember things about each variable (moments). It serves one list of variables, always in
/// the same order.
public protocol UpdateRule: AnyObject {
  /// Changes the variables in place, against their gradients.
  func update(_ variables: [Tensor], against gradients: [Tensor], stepSize: Double)

  /// From now on the variables have only these rows (int64 `[n]`): what is remembered shrinks with them.
  func keep(rows: Tensor)

  /// What the rule remembers, for a checkpoint.
  var state: [(name: String, tensor: Tensor)] { get }

  /// Continues from a saved state, given the variables it will serve.
  ///
  /// - Precondition: the state is that of a rule of the same kind for variables of the same shapes.
  func restore(_ state: [String: Tensor], for variables: [Tensor])
}

/// Different rules for consecutive parts of the variables.
public final class SplitRule: UpdateRule {
  /// One part: how many variables, by which rule, with steps how many times as long.
  public struct Part {
    public let count: Int
    public let rule: any UpdateRule
    public let stepScale: Double

    public init(count: Int, rule: any UpdateRule, stepScale: Double = 1) {
      self.count = count
      self.rule = rule
      self.stepScale = stepScale
    }
  }

  private let parts: [Part]

  public init(_ parts: [Part]) { self.parts = parts }

  public func update(_ variables: [Tensor], against gradients: [Tensor], stepSize: Double) {
    for (part, range) in zip(parts, ranges(of: variables)) {
      part.rule.update(
        Array(variables[range]), against: Array(gradients[range]),
        stepSize: stepSize * part.stepScale)
    }
  }

  public func keep(rows: Tensor) { for part in parts { part.rule.keep(rows: rows) } }

  /// Each part's memory; a number in front of a name is that of the variable in the whole list.
  public var state: [(name: String, tensor: Tensor)] {
    var start = 0
    return parts.flatMap { part in
      defer { start += part.count }
      return part.rule.state.map { (Self.renumbered($0.name, by: start), $0.tensor) }
    }
  }

  public func restore(_ state: [String: Tensor], for variables: [Tensor]) {
    for (part, range) in zip(parts, ranges(of: variables)) {
      let own = state.filter { range.contains(Self.number(of: $0.key)) }
      part.rule.restore(
        Dictionary(
          uniqueKeysWithValues: own.map {
            (Self.renumbered($0.key, by: -range.lowerBound), $0.value)
          }),
        for: Array(variables[range]))
    }
  }

  private func ranges(of variables: [Tensor]) -> [Range<Int>] {
    var start = 0
    let ranges = parts.map { part in
      defer { start += part.count }
      return start..<start + part.count
    }
    precondition(
      start == variables.count, "rules for \(start) variables, there are \(variables.count)")
    return ranges
  }

  private static func number(of name: String) -> Int {
    name.split(separator: ".").first.flatMap { Int($0) } ?? -1
  }

  private static func renumbered(_ name: String, by offset: Int) -> String {
    let parts = name.split(separator: ".", maxSplits: 1)
    return "\(number(of: name) + offset).\(parts.last ?? "")"
  }
}

/// `z - stepSize * gradient`.
public final class GradientDescent: UpdateRule {
  public init() {}

  public func update(_ variables: [Tensor], against gradients: [Tensor], stepSize: Double) {
    withoutGradient {
      for (variable, gradient) in zip(variables, gradients) {
        variable.accumulate(gradient, scale: -stepSize)
      }
    }
  }

  public func keep(rows: Tensor) {}
  public var state: [(name: String, tensor: Tensor)] { [] }
  public func restore(_ state: [String: Tensor], for variables: [Tensor]) {}
}
