import Foundation

/// The lines of a pipe as prompts, in groups of those that have come together: a single line is answered at
/// once, and many in batches.
public struct PromptLines: Sequence, IteratorProtocol {
  private let handle: FileHandle
  private var rest = Data()
  private var isOver = false
  private var pending: [Data] = []
  private let groupSize: Int

  /// Lines are counted from 1.
  public private(set) var lineCount = 0

  /// - Parameters:
  ///   - handle: where lines are read from.
  ///   - groupSize: how many prompts come at once at most.
  public init(_ handle: FileHandle = .standardInput, groupSize: Int = 256) {
    self.handle = handle
    self.groupSize = groupSize
  }

  /// The next lines, without their ends; nil at the end of the input.
  public mutating func next() -> [Data]? {
    while pending.isEmpty && !isOver { fill() }
    guard !pending.isEmpty else { return nil }
    let group = Array(pending.prefix(groupSize))
    pending.removeFirst(group.count)
    lineCount += group.count
    return group
  }

  private mutating func fill() {
    let data = handle.availableData
    if data.isEmpty {
      isOver = true
      if !rest.isEmpty { pending.append(Self.withoutReturn(rest)) }
      return
    }
    rest.append(data)
    var start = rest.startIndex
    while let end = rest[start...].firstIndex(of: UInt8(ascii: "\n")) {
      pending.append(Self.withoutReturn(rest[start..<end]))
      start = rest.index(after: end)
    }
    rest = Data(rest[start...])
  }

  private static func withoutReturn(_ line: Data) -> Data {
    line.last == UInt8(ascii: "\r") ? Data(line.dropLast()) : Data(line)
  }
}
