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
  var state: [VariableMemory] { get }

  /// Continues from a saved state, given the variables it will serve.
  ///
  /// - Precondition: the state is that of a rule of the same kind for variables of the same shapes.
  func restore(_ state: [VariableMemory], for variables: [Tensor])
}

/// Something that a rule remembers of one variable.
public struct VariableMemory {
  /// The variable's place among those that the rule serves.
  public let variable: Int
  /// Such as `firstMoment`.
  public let name: String
  public let tensor: Tensor

  public init(variable: Int, name: String, tensor: Tensor) {
    self.variable = variable
    self.name = name
    self.tensor = tensor
  }
}

extension VariableMemory {
  /// The same of the variable so many places further on.
  fileprivate func moved(by offset: Int) -> VariableMemory {
    VariableMemory(variable: variable + offset, name: name, tensor: tensor)
  }
}

extension [VariableMemory] {
  /// Copies what was saved into the tensors of the same variables and names.
  ///
  /// - Precondition: `saved` has them all.
  func assign(_ saved: [VariableMemory]) {
    let byName = Dictionary(grouping: saved) { "\($0.variable).\($0.name)" }
    for memory in self {
      guard let found = byName["\(memory.variable).\(memory.name)"]?.first else {
        preconditionFailure("the state lacks \(memory.name) of variable \(memory.variable)")
      }
      memory.tensor.assign(found.tensor)
    }
  }
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

  /// Each part's memory, with the variables' places in the whole list.
  public var state: [VariableMemory] {
    var start = 0
    return parts.flatMap { part in
      defer { start += part.count }
      return part.rule.state.map { $0.moved(by: start) }
    }
  }

  public func restore(_ state: [VariableMemory], for variables: [Tensor]) {
    for (part, range) in zip(parts, ranges(of: variables)) {
      let own = state.filter { range.contains($0.variable) }
      part.rule.restore(own.map { $0.moved(by: -range.lowerBound) }, for: Array(variables[range]))
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
  public var state: [VariableMemory] { [] }
  public func restore(_ state: [VariableMemory], for variables: [Tensor]) {}
}
