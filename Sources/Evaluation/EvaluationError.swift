import Foundation

/// What can be wrong with what is to be evaluated.
public enum EvaluationError: Error, Equatable, Sendable {
  /// Pictures of a labelled folder lie in it, and not in a folder of a class.
  case picturesWithoutClass(folder: String, count: Int, of: Int, example: String)
  /// A labelled folder holds the folder of one class.
  case tooFewClassFolders(folder: String, found: [String])
  /// A test picture's class has no training pictures.
  case unknownClass(name: String, folder: String, known: [String])
  /// A score or an energy is NaN.
  case notANumber(purpose: String, item: Int)
  /// A function that gives one number for each picture gave another shape.
  case wrongShape(purpose: String, expected: [Int], found: [Int])
  /// A corruption cannot be applied to pictures of this shape.
  case unsuitablePictures(corruption: String, needed: String, shape: [Int])
  /// The archive of the demo's pictures is not the one that its checksum is of.
  case damagedArchive(path: String, expected: String, found: String)
}

extension EvaluationError: CustomStringConvertible, LocalizedError {
  public var description: String {
    switch self {
    case .picturesWithoutClass(let folder, let count, let all, let example):
      "\(folder): expected every picture in a folder of its class, such as \(folder)/cats/1.jpg; "
        + (count == all ? "there is no such folder" : "\(count) of \(all) pictures are in none")
        + ", found \(example)"
    case .tooFewClassFolders(let folder, let found):
      "\(folder): expected folders of pictures of at least two classes, found one: "
        + found.joined()
    case .unknownClass(let name, let folder, let known):
      "\(folder): expected the classes of the training folder (\(known.joined(separator: ", "))), "
        + "found \(name)"
    case .notANumber(let purpose, let item):
      "\(purpose): item \(item) is not a number"
    case .wrongShape(let purpose, let expected, let found):
      "\(purpose): expected shape \(expected), found \(found)"
    case .unsuitablePictures(let corruption, let needed, let shape):
      "\(corruption): needs \(needed), found pictures of shape \(shape)"
    case .damagedArchive(let path, let expected, let found):
      "\(path) is damaged: its SHA-256 is \(found), expected \(expected); git checkout \(path) restores it"
    }
  }

  public var errorDescription: String? { description }
}
