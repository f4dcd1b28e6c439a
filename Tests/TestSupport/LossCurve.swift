import Foundation

/// The lines of a run's `metrics.jsonl` without what a clock decides.
///
/// Two runs that learned the same have the same lines, to the last digit.
public func lossCurve(ofRun path: String) throws -> [String] {
  try String(contentsOfFile: "\(path)/metrics.jsonl", encoding: .utf8)
    .split(separator: "\n")
    .map { line in
      line.split(separator: ",").filter { !$0.hasPrefix("\"seconds\":") }.joined(separator: ",")
    }
}

/// How many lines a run's `metrics.jsonl` has so far; 0 where there is none yet.
public func loggedSteps(ofRun path: String) -> Int {
  let contents = FileManager.default.contents(atPath: "\(path)/metrics.jsonl") ?? Data()
  return contents.count { $0 == UInt8(ascii: "\n") }
}

/// Whether a run's losses are `expected`, within 2 %: another processor adds up in another order.
///
/// - Parameter expected: one loss for each logged step.
public func losses(ofRun path: String, are expected: [Double]) throws -> Bool {
  let found = try String(contentsOfFile: "\(path)/metrics.jsonl", encoding: .utf8)
    .split(separator: "\n").map { line in
      let object = try JSONSerialization.jsonObject(with: Data(line.utf8))
      return (object as? [String: Any])?["loss"] as? Double ?? .nan
    }
  let isClose =
    found.count == expected.count
    && zip(found, expected).allSatisfy { abs($0 - $1) <= 0.02 * abs($1) }
  if !isClose { print("found the losses \(found)") }
  return isClose
}
