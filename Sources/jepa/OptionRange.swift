import ArgumentParser

/// What numbers options take, each named with what was found.
enum OptionRange {
  /// - Throws: `ValidationError` for the first of `options` that is below `least`.
  static func check(
    _ options: KeyValuePairs<String, Int>, atLeast least: Int
  ) throws(ValidationError) {
    for (name, found) in options where found < least {
      throw ValidationError("\(name): expected \(least) or more, found \(found)")
    }
  }

  /// - Throws: `ValidationError` unless the number is above 0 and finite.
  static func check(_ name: String, positive number: Double) throws(ValidationError) {
    guard number > 0, number.isFinite else {
      throw ValidationError("\(name): expected a number above 0, found \(number)")
    }
  }
}
