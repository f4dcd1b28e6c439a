/// A type that a configuration holds as one piece of text.
protocol ConfigurationScalar: Codable {
  /// What a person should write, for errors.
  static var expectation: String { get }
  /// The text that is read back as exactly this value.
  var configurationText: String { get }
  init?(configurationText: String)
}

extension String: ConfigurationScalar {
  static var expectation: String { "text" }
  var configurationText: String { self }
  init?(configurationText: String) { self = configurationText }
}

extension Bool: ConfigurationScalar {
  static var expectation: String { "true or false" }
  var configurationText: String { self ? "true" : "false" }

  init?(configurationText: String) {
    switch configurationText.lowercased() {
    case "true", "yes", "on": self = true
    case "false", "no", "off": self = false
    default: return nil
    }
  }
}

extension ConfigurationScalar where Self: FixedWidthInteger {
  static var expectation: String { isSigned ? "a whole number" : "a whole number of 0 or more" }
  var configurationText: String { String(self) }

  /// Reads `1000`, `1_000` and, as long as it is whole, `1e3`.
  init?(configurationText: String) {
    let digits = configurationText.filter { $0 != "_" }
    if let value = Self(digits) {
      self = value
    } else if let number = Double(digits), let value = Self(exactly: number) {
      self = value
    } else {
      return nil
    }
  }
}

extension ConfigurationScalar where Self: BinaryFloatingPoint & LosslessStringConvertible {
  static var expectation: String { "a number" }

  var configurationText: String {
    if isNaN { return ".nan" }
    if isInfinite { return self < 0 ? "-.inf" : ".inf" }
    return String(self)
  }

  init?(configurationText: String) {
    switch configurationText.lowercased() {
    case ".nan": self = .nan
    case ".inf", "+.inf": self = .infinity
    case "-.inf": self = -.infinity
    default:
      // The standard library also reads "inf", "nan" and hexadecimal digits, which YAML does not.
      let digits = configurationText.filter { $0 != "_" }
      guard digits.allSatisfy({ "0123456789+-.eE".contains($0) }), let value = Self(digits),
        value.isFinite
      else { return nil }
      self = value
    }
  }
}

extension Double: ConfigurationScalar {}
extension Float: ConfigurationScalar {}
extension Int: ConfigurationScalar {}
extension Int8: ConfigurationScalar {}
extension Int16: ConfigurationScalar {}
extension Int32: ConfigurationScalar {}
extension Int64: ConfigurationScalar {}
extension UInt: ConfigurationScalar {}
extension UInt8: ConfigurationScalar {}
extension UInt16: ConfigurationScalar {}
extension UInt32: ConfigurationScalar {}
extension UInt64: ConfigurationScalar {}
