/// Checks the settings of a configuration, or of one section of it, one after the other.
package struct SettingCheck {
  private let section: String

  /// - Parameter section: the section that the settings stand in; nil for the configuration itself.
  package init(in section: String? = nil) { self.section = section.map { "\($0)." } ?? "" }

  /// - Parameters:
  ///   - name: of the setting.
  ///   - expectation: what it may be, and what was found.
  /// - Throws: `RunError.invalidValue` where `holds` is false.
  package func callAsFunction(
    _ holds: Bool, _ name: String, _ expectation: String
  ) throws(RunError) {
    if !holds { throw .invalidValue(path: section + name, reason: expectation) }
  }
}
