import Foundation

extension ImageFolder {
  /// Whether all pictures are copies of one file. Reads up to the first that differs.
  package var holdsOnePicture: Bool {
    guard let first = FileManager.default.contents(atPath: path(of: 0)) else { return false }
    return (1..<count).allSatisfy { index in
      let attributes = try? FileManager.default.attributesOfItem(atPath: path(of: index))
      return attributes?[.size] as? Int == first.count
        && FileManager.default.contents(atPath: path(of: index)) == first
    }
  }
}
