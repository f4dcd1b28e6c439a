import Torch

/// The items of a descent that have not stopped: where they are, where they came from, and which way they
/// go.
struct MovingItems {
  /// Their numbers in the batch, ascending.
  private(set) var numbers: [Int]
  /// Each `[n, …]`, as are all tensors here.
  private(set) var variables: [Tensor]
  private(set) var energies: Tensor
  /// F(z) of the variables; empty where nothing predicts them.
  private(set) var predictions: [Tensor] = []
  /// What the next update goes against.
  private var directions: [Tensor] = []
  /// The variables before the update.
  private var before: [Tensor] = []
  private var states: [State]
  private let window: Int

  private struct State {
    /// What steps are multiplied by.
    var scale = 1.0
    /// How many steps in a row were taken back.
    var rises = 0
    /// Whether the step goes along the gradient though residuals are followed.
    var usesGradient = false
    /// The last energies, at most `window` of them.
    var recent: [Double] = []
  }

  init(_ variables: [Tensor], window: Int) {
    let count = variables[0].size(0)
    self.variables = variables
    self.window = window
    numbers = Array(0..<count)
    energies = Tensor.full([count], .infinity, device: variables[0].device)
    states = [State](repeating: State(), count: count)
  }

  var isEmpty: Bool { numbers.isEmpty }

  /// Where an update led.
  ///
  /// - Parameter goingBack: whether items whose energy rose go back and halve their steps.
  /// - Returns: for each item whether it went back.
  mutating func arrive(
    at energies: Tensor, predictions: [Tensor], goingBack: Bool
  ) -> [Bool] {
    guard goingBack, !before.isEmpty else {
      self.energies = energies
      self.predictions = predictions
      if goingBack { note(energies) }
      return [Bool](repeating: false, count: numbers.count)
    }
    let values = energies.to(.float64, device: .cpu).array(of: Double.self)
    // Also where it is not a number any more.
    let rose = zip(values, states).map { value, state in !(value <= state.recent.max()!) }
    if rose.contains(true) {
      let mask = Tensor(rose).to(device: energies.device)
      variables = Self.choose(mask, before, else: variables)
      self.energies = self.energies.choose(where: mask, else: energies)
      self.predictions = Self.choose(mask, self.predictions, else: predictions)
    } else {
      self.energies = energies
      self.predictions = predictions
    }
    for row in states.indices {
      if rose[row] {
        states[row].scale /= 2
        states[row].rises += 1
      } else {
        // After a residual, the next is tried at full length again, by and by.
        if !predictions.isEmpty {
          states[row].scale = states[row].usesGradient ? 1 : min(1, 2 * states[row].scale)
        }
        states[row].rises = 0
        states[row].usesGradient = false
        states[row].recent = Array((states[row].recent + [values[row]]).suffix(window))
      }
    }
    return rose
  }

  private mutating func note(_ energies: Tensor) {
    let values = energies.to(.float64, device: .cpu).array(of: Double.self)
    for (row, value) in values.enumerated() { states[row].recent = [value] }
  }

  /// From now on some items go against `directions`.
  mutating func turn(to directions: [Tensor], where isTurning: [Bool]) {
    self.directions =
      self.directions.isEmpty || !isTurning.contains(false)
      ? directions
      : Self.choose(
        Tensor(isTurning).to(device: energies.device), directions, else: self.directions)
  }

  /// The rows whose residual led up twice in a row.
  var rowsThatFailed: [Int] {
    states.indices.filter { states[$0].rises >= 2 && !states[$0].usesGradient }
  }

  /// Lets some rows go along their gradient, at full length.
  mutating func turnToGradient(_ rows: [Int], gradient: ([Tensor]) -> [Tensor]) {
    let places = Tensor(rows.map(Int64.init)).to(device: energies.device)
    let found = gradient(variables.map { $0.select(indices: places) })
    directions = zip(directions, found).map { whole, part in
      let turned = whole.clone()
      turned.assign(part, at: places)
      return turned
    }
    for row in rows {
      states[row].usesGradient = true
      states[row].scale = 1
    }
  }

  /// From now on there are only these rows, which `rows` (int64) names too.
  mutating func keep(_ going: [Int], rows: Tensor) {
    numbers = going.map { numbers[$0] }
    states = going.map { states[$0] }
    func kept(_ tensors: [Tensor]) -> [Tensor] { tensors.map { $0.select(indices: rows) } }
    variables = kept(variables)
    predictions = kept(predictions)
    directions = kept(directions)
    energies = energies.select(indices: rows)
  }

  /// Remembers where the items are, before they move.
  mutating func leave() { before = variables.map { $0.clone() } }

  var scaledDirections: [Tensor] {
    if states.allSatisfy({ $0.scale == 1 }) { return directions }
    let scales = Tensor(states.map(\.scale)).to(device: energies.device)
    return directions.map { $0 * Self.perItem(scales, like: $0) }
  }

  /// `[n]` numbers shaped to multiply `[n, …]`.
  private static func perItem(_ numbers: Tensor, like tensor: Tensor) -> Tensor {
    numbers.to(numbers.dtype == .bool ? .bool : tensor.dtype)
      .reshaped([numbers.size(0)] + Array(repeating: 1, count: tensor.rank - 1))
  }

  private static func choose(
    _ mask: Tensor, _ first: [Tensor], else second: [Tensor]
  ) -> [Tensor] {
    zip(first, second).map { $0.choose(where: perItem(mask, like: $0), else: $1) }
  }
}
