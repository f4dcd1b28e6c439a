extension Int {
  /// The number and what it counts: "1 picture", "2 pictures".
  ///
  /// - Parameter plural: of a noun whose plural is not the singular and an s.
  package func counted(_ noun: String, plural: String? = nil) -> String {
    "\(self) \(self == 1 ? noun : plural ?? noun + "s")"
  }
}
