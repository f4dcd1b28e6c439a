import Files
import Foundation
import ImageJEPA
import Pictures

/// The oddest pictures as one HTML page that needs nothing else: no network, no other file.
///
/// Each picture stands beside the same with its energies and its distances laid over it.
struct AnomalyPage {
  let report: AnomalyReport
  let decoder: ImageDecoder

  /// Pictures on a page; each takes some 30 kB.
  private static let mostPictures = 60
  private static let tileSize = 224
  private static let jpegQuality = 80

  /// The page's text; a picture that can no longer be read has none.
  ///
  /// - Throws: `ImageError.outOfMemory`.
  func html() throws -> String {
    let shown = report.anomalies.prefix(Self.mostPictures)
    let cards = try shown.enumerated().map { place, picture in
      try card(picture, rank: place + 1)
    }
    let rest = report.anomalies.count - shown.count
    let notes =
      ["\(report.claim)"] + report.remarks + report.skipped.prefix(20).map { "skipped: \($0)" }
      + (report.skipped.count > 20 ? ["and \(report.skipped.count - 20) more skipped"] : [])
      + (rest > 0 ? ["the \(shown.count) oddest are shown; \(rest) are not"] : [])
    return Self.template
      .replacingOccurrences(of: "{{MARK}}", with: OutputKind.mark)
      .replacingOccurrences(of: "{{PLOT}}", with: plot)
      .replacingOccurrences(
        of: "{{NOTES}}", with: notes.map { "<li>\(Self.escaped($0))</li>" }.joined()
      )
      .replacingOccurrences(
        of: "{{CHECKPOINT}}",
        with: Self.escaped("\(report.checkpoint), \(report.rows)x\(report.columns) tokens")
      )
      .replacingOccurrences(of: "{{SUMMARY}}", with: Self.escaped(report.summary))
      // Last: nothing in names is taken for a place.
      .replacingOccurrences(of: "{{CARDS}}", with: cards.joined())
  }

  private func card(_ picture: AnomalyReport.Picture, rank: Int) throws -> String {
    let size = Self.tileSize
    var images: [(String, RGBImage)] = []
    if let planes = try? decoder.square(
      contentsOf: picture.path, size: size, normalization: .identity)
    {
      let plain = RGBImage(planes: planes, width: size, height: size)
      images.append(("as it is", plain))
      if let energies = picture.energies {
        images.append(("energy", heated(plain, energies, picture, .energy)))
      }
      images.append(("distance", heated(plain, picture.distances, picture, .distance)))
    }
    let figures = try images.map { caption, image in
      let bytes = Data(try image.jpegBytes(quality: Self.jpegQuality, name: picture.path))
      return "<figure><img src=\"data:image/jpeg;base64,\(bytes.base64EncodedString())\" "
        + "width=\"\(size)\" height=\"\(size)\" alt=\"\(caption)\">"
        + "<figcaption>\(caption)</figcaption></figure>"
    }
    let energy = picture.energy.map { String(format: "energy %.2f, ", $0) } ?? ""
    let words = String(
      format: "%@distance %.2f; decided by the %@, at row %d, column %d", energy, picture.distance,
      picture.decidedBy.rawValue, picture.row, picture.column)
    return "<section class=\"\(picture.isFlagged ? "flagged" : "plain")\"><h2><b>\(rank)</b> "
      + "\(Self.escaped(PathParts(picture.path).name)) "
      + "<span>\(String(format: "%+.2f", picture.score))</span></h2>"
      + "<p title=\"\(Self.escaped(picture.path))\">\(words)</p>"
      + "<div>\(figures.joined())</div></section>"
  }

  /// The picture under a heat that begins at two deviations and is full at eight; the token that stands out most is
  /// outlined where the rule decided.
  private func heated(
    _ plain: RGBImage, _ values: [Float], _ picture: AnomalyReport.Picture,
    _ rule: AnomalyReport.Rule
  ) -> RGBImage {
    let grid = TokenGrid(height: report.rows, width: report.columns)
    var image = plain
    for y in 0..<image.height {
      for x in 0..<image.width {
        let row = (Float(y) + 0.5) * Float(grid.height) / Float(image.height) - 0.5
        let column = (Float(x) + 0.5) * Float(grid.width) / Float(image.width) - 0.5
        let heat = min(max((Self.between(values, grid, row, column) - 2) / 6, 0), 1)
        guard heat > 0 else { continue }
        let color = HeatScale.color(0.25 + 0.75 * heat)
        image.fill(x: x, y: y, width: 1, height: 1, color, opacity: 0.1 + 0.65 * heat)
      }
    }
    if picture.decidedBy == rule {
      image.outline(grid, place: picture.row * grid.width + picture.column)
    }
    return image
  }

  /// The value between the middles of tokens, by how near each is.
  private static func between(
    _ values: [Float], _ grid: TokenGrid, _ row: Float, _ column: Float
  ) -> Float {
    let (y, x) = (
      min(max(row, 0), Float(grid.height - 1)), min(max(column, 0), Float(grid.width - 1))
    )
    let (top, left) = (Int(y), Int(x))
    let (bottom, right) = (min(top + 1, grid.height - 1), min(left + 1, grid.width - 1))
    let (down, across) = (y - Float(top), x - Float(left))
    func value(_ row: Int, _ column: Int) -> Float { values[row * grid.width + column] }
    return (value(top, left) * (1 - across) + value(top, right) * across) * (1 - down)
      + (value(bottom, left) * (1 - across) + value(bottom, right) * across) * down
  }

  /// A dot for each picture, by its surprise by both rules, and the threshold.
  private var plot: String {
    let pictures = report.anomalies
    guard pictures.contains(where: { $0.energy != nil }) else { return "" }
    let (width, height, margin) = (520.0, 300.0, 40.0)
    let most = max(
      report.threshold * 1.2, pictures.map { max($0.energy ?? 0, $0.distance) }.max() ?? 1)
    func x(_ value: Double) -> Double { margin + min(value / most, 1) * (width - margin - 10) }
    func y(_ value: Double) -> Double {
      height - margin - min(value / most, 1) * (height - margin - 10)
    }
    func text(_ value: Double) -> String { String(format: "%.1f", value) }
    // Of very many pictures the oddest and every so many-th of the others.
    let step = max(1, pictures.count / 2000)
    let dots = pictures.enumerated().filter { $0.offset < 200 || $0.offset % step == 0 }.reversed()
      .map { place, picture in
        "<circle cx=\"\(text(x(picture.energy ?? 0)))\" cy=\"\(text(y(picture.distance)))\" r=\"3\" "
          + "class=\"\(picture.isFlagged ? "flagged" : "plain")\"><title>\(place + 1) "
          + "\(Self.escaped(PathParts(picture.path).name))</title></circle>"
      }.joined()
    let (edgeX, edgeY) = (text(x(report.threshold)), text(y(report.threshold)))
    return """
      <svg viewBox="0 0 \(Int(width)) \(Int(height))" role="img" aria-label="Energy and distance of every picture">
      <path class="axis" d="M\(margin) 10V\(height - margin)H\(width - 10)"/>
      <path class="threshold" d="M\(edgeX) \(height - margin)V\(edgeY)H\(margin)"/>
      \(dots)
      <text x="\(width - 10)" y="\(height - 12)" text-anchor="end">energy, -log10 of the share of clean pictures</text>
      <text transform="translate(14 12) rotate(-90)" text-anchor="end">distance</text>
      <text x="\(margin - 6)" y="\(edgeY)" text-anchor="end" dy="4">\(String(format: "%.1f", report.threshold))</text>
      </svg>
      """
  }

  static func escaped(_ text: String) -> String {
    text.withVisibleControls().replacingOccurrences(of: "&", with: "&amp;")
      .replacingOccurrences(of: "<", with: "&lt;").replacingOccurrences(of: ">", with: "&gt;")
      .replacingOccurrences(of: "\"", with: "&quot;")
  }

  private static let template = """
    <!DOCTYPE html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="generator" content="{{MARK}}">
    <title>Anomalies</title>
    <style>
    :root { color-scheme: light dark; --paper: #fff; --ink: #1c1c20; --faint: #6b6b74; --line: #dcdce2;
      --alarm: #c2304a; }
    @media (prefers-color-scheme: dark) { :root { --paper: #17171a; --ink: #e8e8ec; --faint: #9a9aa4;
      --line: #34343c; --alarm: #ff6b83; } }
    body { background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif;
      margin: 0 auto; max-width: 1500px; padding: 16px; }
    h1 { font-size: 22px; margin: 0 0 4px; }
    .checkpoint, section p, figcaption { color: var(--faint); }
    svg { width: 100%; max-width: 560px; font-size: 12px; fill: var(--faint); }
    .axis, .threshold { fill: none; stroke: var(--line); }
    .threshold { stroke: var(--alarm); stroke-dasharray: 4 3; }
    circle.plain { fill: var(--faint); fill-opacity: .5; }
    circle.flagged { fill: var(--alarm); }
    main { display: grid; gap: 16px; grid-template-columns: repeat(auto-fill, minmax(min(100%, 440px), 1fr)); }
    section { border: 1px solid var(--line); border-radius: 8px; padding: 12px; overflow-wrap: anywhere; }
    section.flagged { border-color: var(--alarm); }
    section h2 { font-size: 15px; font-weight: 500; margin: 0; }
    section h2 span { float: right; font-variant-numeric: tabular-nums; }
    section.flagged h2 span { color: var(--alarm); }
    section p { font-size: 13px; margin: 2px 0 8px; }
    section div { display: flex; gap: 8px; }
    figure { flex: 1; margin: 0; min-width: 0; }
    figure img { display: block; width: 100%; height: auto; border-radius: 4px; }
    figcaption { font-size: 12px; }
    </style>
    </head>
    <body>
    <h1>{{SUMMARY}}</h1>
    <p class="checkpoint">{{CHECKPOINT}}</p>
    {{PLOT}}
    <p>Heat is how far a part is beyond what is usual at its place, from 2 deviations to 8. The square is where
    the rule that decided found most. Above 0 a picture is flagged.</p>
    <ul>{{NOTES}}</ul>
    <main>{{CARDS}}</main>
    </body>
    </html>

    """
}

extension AnomalyReport {
  /// Writes the files that are asked for, each whole or not at all.
  ///
  /// - Throws: `FileError`; `ImageError.outOfMemory`.
  package func write(
    json: String?, csv: String?, page: String?, decoder: ImageDecoder = ImageDecoder()
  ) throws {
    if let json {
      let text = try self.json()
      try UnfinishedFile.make(at: json) { try $0.append(text + "\n") }
    }
    if let csv { try UnfinishedFile.make(at: csv) { try $0.append(self.csv) } }
    if let page {
      let html = try AnomalyPage(report: self, decoder: decoder).html()
      try UnfinishedFile.make(at: page) { try $0.append(html) }
    }
  }
}
