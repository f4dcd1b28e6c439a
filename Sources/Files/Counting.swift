extension Int {
  /// The number and what it counts: "1 picture", "2 pictures".
  ///
  /// - Parameter plural: of a noun whose plural is not the singular and an s.
  package func counted(_ noun: String, plural: String? = nil) -> String {
    "\(self) \(self == 1 ? noun : plural ?? noun + "s")"
  }
}

extension [String] {
  /// A list as one says it: "a", "a or b", "a, b or c".
  package func joined(with conjunction: String) -> String {
    guard count > 1, let last else { return joined() }
    return dropLast().joined(separator: ", ") + " \(conjunction) \(last)"
  }
}
