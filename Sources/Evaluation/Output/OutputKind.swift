import Foundation

/// What this program writes, and how it tells its own files from others before it replaces one.
public enum OutputKind: Sendable {
  /// A PNG file.
  case picture
  /// A page for the browser.
  case page
  /// A video with a band drawn under it.
  case video
  /// The scores of a clip as JSON.
  case scores
  /// The scores of a clip as CSV.
  case scoreTable
  case calibration
  /// Pictures by how odd they are, as JSON.
  case anomalies
  /// The same as CSV.
  case anomalyTable
  /// What clean pictures taught.
  case anomalyCalibration
  /// The figures of `jepa benchmark`.
  case figures
  /// A network of hypotheses.
  case hypotheses
  /// A file of embeddings that says itself what made it.
  case embeddings
  /// A file of embeddings whose description stands beside it.
  case describedEmbeddings
  /// The rows beside an array.
  case rows
  /// The description beside a file of embeddings.
  case description
  /// What an export left out.
  case skippedList

  /// The ending that a path must have.
  var ending: String? { self == .picture ? "png" : nil }

  /// Whether there is a file at `path` that this program wrote as one of this kind, or an empty one.
  func isMade(_ path: String) -> Bool {
    guard let (head, tail) = Self.ends(of: path) else { return false }
    func holds(_ text: String) -> Bool {
      head.range(of: Data(text.utf8)) != nil || tail.range(of: Data(text.utf8)) != nil
    }
    if head.isEmpty { return true }
    switch self {
    case .picture, .video, .page: return holds(Self.mark)
    case .scores: return holds("\"framesPerSecond\":") && holds("\"consistency\":")
    case .scoreTable:
      return head.starts(with: Data("index,seconds,".utf8)) && holds(",score,flagged")
    case .calibration: return holds("\"ordinary\"") && holds("\"threshold\"")
    case .anomalies: return holds("\"anomalies\" :") && holds("\"decidedBy\"")
    case .anomalyTable: return head.starts(with: Data(AnomalyReport.tableHeader.utf8))
    case .anomalyCalibration: return holds(AnomalyCalibration.kind)
    case .figures: return holds("\"detector\"") && holds("\"faults\"")
    case .hypotheses: return holds("\"layers\"") && holds("\"biases\"")
    case .embeddings:
      // An archive says so in its list of members.
      return holds("modelSHA256") || holds("embeddings.npy") && holds("description.npy")
    case .describedEmbeddings:
      return Self.description.isMade(EmbeddingPaths(output: path).description)
    case .rows:
      let line = DelimitedText.rowFields.joined(separator: ",")
      return head.starts(with: Data((line + "\n").utf8))
        || head.starts(with: Data((line + "\r\n").utf8))
    case .description: return holds("\"modelSHA256\"")
    case .skippedList: return head.starts(with: Data(SkippedList.header.utf8))
    }
  }

  /// What pictures, pages and videos hold as their maker.
  static let mark = "swift-jepa"

  /// The first and the last 64 KiB of a file; nil where it cannot be read.
  private static func ends(of path: String) -> (head: Data, tail: Data)? {
    guard let file = FileHandle(forReadingAtPath: path) else { return nil }
    defer { try? file.close() }
    let length = 1 << 16
    guard let head = try? file.read(upToCount: length) ?? Data(), let end = try? file.seekToEnd()
    else { return nil }
    guard end > UInt64(length) else { return (head, Data()) }
    guard (try? file.seek(toOffset: end - UInt64(length))) != nil else { return nil }
    return (head, (try? file.read(upToCount: length)) ?? Data())
  }
}
