/// A configuration without its types: what the encoder writes, YAML is read into, and the decoder
/// reads.
///
/// Scalars stay text until a type asks for them, so `name: no` and `version: 1.10` reach a text
/// field as they were written.
enum ConfigurationTree: Equatable, Sendable {
  case null
  /// `isText` where only text may be read from it (quoted in YAML).
  case scalar(String, isText: Bool)
  case list([ConfigurationTree])
  case table(ConfigurationTable)

  /// The tree in words, for an error that says what was found.
  var summary: String {
    switch self {
    case .null: "nothing"
    case .scalar(let text, let isText):
      isText ? "the text \"\(text.shortened)\"" : text.shortened
    case .list(let items): "a list of \(items.count)"
    case .table(let table):
      table.keys.isEmpty
        ? "an empty section" : "a section with \(table.keys.joined(separator: ", "))"
    }
  }

  /// The value of `key` where this is a table that has it.
  subscript(key: String) -> ConfigurationTree? {
    guard case .table(let table) = self else { return nil }
    return table[key]
  }
}

/// Keys with their values, in the order in which they were declared.
struct ConfigurationTable: Equatable, Sendable {
  enum Kind: Sendable {
    /// Exactly the keys of a type.
    case fixed
    /// A dictionary: any key.
    case open
    /// Keys of which one at a time is set.
    case exclusive
  }

  var kind: Kind
  private(set) var keys: [String] = []
  private var values: [String: ConfigurationTree] = [:]

  init(kind: Kind = .fixed) { self.kind = kind }

  subscript(key: String) -> ConfigurationTree? {
    get { values[key] }
    set {
      guard let newValue else { return }
      if values.updateValue(newValue, forKey: key) == nil { keys.append(key) }
    }
  }

  static func == (left: Self, right: Self) -> Bool { left.values == right.values }
}

// MARK: - Merging and comparing

extension ConfigurationTree {
  /// This tree with everything that `overlay` sets set: sections merge key by key; lists,
  /// dictionaries and all else are replaced. In a section of alternatives, what is set replaces
  /// what was.
  func merging(_ overlay: ConfigurationTree) -> ConfigurationTree {
    guard case .table(var table) = self, case .table(let added) = overlay, table.kind != .open
    else { return overlay }
    if table.kind == .exclusive {
      for key in table.keys { table[key] = .null }
    }
    for key in added.keys {
      guard let value = added[key] else { continue }
      table[key] = table[key]?.merging(value) ?? value
    }
    return .table(table)
  }

  /// The dotted path of the first key here that `known` does not have, with the nearest that it has.
  ///
  /// - Parameter descendsIntoLists: whether items of lists are compared one with one.
  func unknownKey(
    comparedTo known: ConfigurationTree, descendsIntoLists: Bool
  ) -> (path: String, nearest: String?)? {
    findUnknownKey(known, at: "", descendsIntoLists).map { unknown in
      let nearest = unknown.nearest ?? known.path(endingIn: unknown.path.lastComponent)
      return (unknown.path, nearest)
    }
  }

  private func findUnknownKey(
    _ known: ConfigurationTree, at path: String, _ descendsIntoLists: Bool
  ) -> (path: String, nearest: String?)? {
    switch (self, known) {
    case (.table(let table), .table(let knownTable)):
      for key in table.keys {
        let keyPath = path.isEmpty ? key : "\(path).\(key)"
        if let knownValue = knownTable[key] {
          let value = table[key] ?? .null
          if let unknown = value.findUnknownKey(knownValue, at: keyPath, descendsIntoLists) {
            return unknown
          }
        } else if knownTable.kind != .open {
          let nearest = nearestName(to: key, among: knownTable.keys)
          return (keyPath, nearest.map { path.isEmpty ? $0 : "\(path).\($0)" })
        }
      }
      return nil
    case (.list(let items), .list(let knownItems)) where descendsIntoLists:
      for (index, (item, knownItem)) in zip(items, knownItems).enumerated() {
        if let unknown = item.findUnknownKey(knownItem, at: "\(path)[\(index)]", true) {
          return unknown
        }
      }
      return nil
    default:
      return nil
    }
  }

  /// The path of a key called `name` anywhere in the sections of this tree: a key that was set one
  /// section too high is the commonest mistake after a misspelling.
  private func path(endingIn name: String) -> String? {
    guard case .table(let table) = self else { return nil }
    for key in table.keys {
      if key.lowercased() == name.lowercased() { return key }
      if let path = table[key]?.path(endingIn: name) { return "\(key).\(path)" }
    }
    return nil
  }

  /// Every value that is not a section, by its dotted path, in the order of declaration.
  func flattened(at path: String = "") -> [(path: String, value: ConfigurationTree)] {
    guard case .table(let table) = self, !table.keys.isEmpty else { return [(path, self)] }
    return table.keys.flatMap { key in
      (table[key] ?? .null).flattened(at: path.isEmpty ? key : "\(path).\(key)")
    }
  }
}

extension String {
  /// The beginning of a long text.
  fileprivate var shortened: String { count > 80 ? prefix(79) + "…" : self }

  fileprivate var lastComponent: String {
    String(self[(lastIndex(of: ".").map(index(after:)) ?? startIndex)...])
  }
}

/// The one of `names` that is fewest edits from `name`, where that is few enough to be a misspelling.
public func nearestName(to name: String, among names: [String]) -> String? {
  let candidates = names.map { ($0, editDistance(name.lowercased(), $0.lowercased())) }
  guard let best = candidates.min(by: { $0.1 < $1.1 }) else { return nil }
  return best.1 <= max(2, name.count / 3) ? best.0 : nil
}

/// How many insertions, deletions, replacements and swaps of neighbours turn `left` into `right`.
func editDistance(_ left: String, _ right: String) -> Int {
  let left = Array(left)
  let right = Array(right)
  var beforePrevious: [Int] = []
  var previous = Array(0...right.count)
  for i in 1..<(left.count + 1) {
    var current = [i]
    for j in 1..<(right.count + 1) {
      let replaced = previous[j - 1] + (left[i - 1] == right[j - 1] ? 0 : 1)
      var best = min(previous[j] + 1, current[j - 1] + 1, replaced)
      if i > 1, j > 1, left[i - 1] == right[j - 2], left[i - 2] == right[j - 1] {
        best = min(best, beforePrevious[j - 2] + 1)
      }
      current.append(best)
    }
    (beforePrevious, previous) = (previous, current)
  }
  return previous[right.count]
}
