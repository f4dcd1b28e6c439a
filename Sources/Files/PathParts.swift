/// A path cut at its last slash and its last dot, as text: nothing is looked up.
///
/// Foundation's own way ends the program on a path of one character (Swift 6.3, Linux).
public struct PathParts: Sendable, Equatable {
  private let path: Substring
  private let slash: Substring.Index?
  private let dot: Substring.Index?

  public init(_ path: String) {
    var path = path[...]
    while path.count > 1, path.last == "/" { path.removeLast() }
    self.path = path
    let slash = path.lastIndex(of: "/")
    self.slash = slash
    let start = slash.map { path.index(after: $0) } ?? path.startIndex
    // A name that begins with its only dot is a hidden file without an ending.
    let dot = path[start...].lastIndex(of: ".")
    let isEnding = dot.map { $0 > start && path.index(after: $0) < path.endIndex } ?? false
    self.dot = isEnding ? dot : nil
  }

  /// What stands before the last slash: nothing for a name alone, `/` for what is in the root folder.
  public var folder: String {
    guard let slash else { return "" }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  /// What stands after the last slash.
  public var name: String {
    guard let slash, path.count > 1 else { return String(path) }
    return String(path[path.index(after: slash)...])
  }

  /// What stands after the last dot of the name; nothing where there is none.
  public var ending: String { dot.map { String(path[path.index(after: $0)...]) } ?? "" }

  /// The path without its ending and the dot.
  public var stem: String { dot.map { String(path[..<$0]) } ?? String(path) }
}
