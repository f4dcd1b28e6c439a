import Foundation

/// A page that shows points on a plane: everything in one file, nothing from the network.
struct MapPage {
  let title: String
  let rows: [EmbeddingRow]
  /// Places by name; the first is shown first.
  let layouts: [(name: String, points: [SIMD2<Double>])]
  /// For each row a JPEG, where there is one.
  let thumbnails: [[UInt8]?]
  let thumbnailSize: Int
  let notes: [String]

  var html: String {
    Self.template
      .replacingOccurrences(of: "{{TITLE}}", with: Self.escaped(title))
      .replacingOccurrences(of: "{{DATA}}", with: data)
  }

  /// The page's data as JSON that cannot end the script element that it stands in.
  private var data: String {
    let labels = rows.map { $0.label ?? "" }
    // By size, so that the legend begins with what is most.
    let sizes = labels.reduce(into: [String: Int]()) { $0[$1, default: 0] += 1 }
    let names = sizes.keys.sorted { left, right in
      sizes[left]! == sizes[right]! ? left < right : sizes[left]! > sizes[right]!
    }
    let numbers = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) })
    let places = layouts.map { layout in
      "{\"name\":\(JSONText.quoted(layout.name)),\"places\":[\(Self.unit(layout.points))]}"
    }
    let fields = [
      "\"notes\":[\(notes.map(JSONText.quoted).joined(separator: ","))]",
      "\"labels\":[\(names.map(JSONText.quoted).joined(separator: ","))]",
      "\"label\":[\(labels.map { String(numbers[$0]!) }.joined(separator: ","))]",
      "\"name\":[\(rows.map { JSONText.quoted($0.name) }.joined(separator: ","))]",
      "\"layouts\":[\(places.joined(separator: ","))]",
      "\"thumbnailSize\":\(thumbnailSize)",
      "\"thumbnail\":[\(thumbnails.map { bytes in bytes.map { "\"\(Data($0).base64EncodedString())\"" } ?? "0" }.joined(separator: ","))]",
    ]
    return "{\(fields.joined(separator: ","))}".replacingOccurrences(of: "<", with: "\\u003c")
  }

  /// Coordinates within 0…65535, both axes at one scale, y upwards.
  private static func unit(_ points: [SIMD2<Double>]) -> String {
    var (low, high) = (points[0], points[0])
    for point in points {
      low = pointwiseMin(low, point)
      high = pointwiseMax(high, point)
    }
    let size = max(high.x - low.x, high.y - low.y, 1e-12)
    let middle = (low + high) / 2
    return points.map { point in
      let unit = (point - middle) / size + 0.5
      return "\(Int((unit.x * 65_535).rounded())),\(Int(((1 - unit.y) * 65_535).rounded()))"
    }.joined(separator: ",")
  }

  private static func escaped(_ text: String) -> String {
    text.replacingOccurrences(of: "&", with: "&amp;")
      .replacingOccurrences(of: "<", with: "&lt;")
      .replacingOccurrences(of: ">", with: "&gt;")
  }
}
