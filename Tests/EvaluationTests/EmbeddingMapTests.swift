import Foundation
import TestSupport
import Testing
import Torch

@testable import Embeddings
@testable import Evaluation
@testable import Files
@testable import Pictures

@Suite struct PrincipalComponentsTests {
  @Test func findTheDirectionsThatWereMixed() {
    let generator = RandomGenerator(seed: 1)
    let scales = Tensor([Float](arrayLiteral: 5, 2, 0.1), shape: [1, 3])
    let (c, s) = (Float(cos(0.5)), Float(sin(0.5)))
    let rotation = Tensor([c, s, 0, -s, c, 0, 0, 0, 1], shape: [3, 3])
    let points = (Tensor.normal([20_000, 3], using: generator) * scales).matmul(rotation) + 7
    let components = PrincipalComponents(of: points, count: 2)
    #expect((components.mean - 7).abs().max().item() < 0.1)
    let found = components.directions.array(of: Float.self)
    // Columns are the first two rows of the rotation, the sign by the greatest entry.
    for (value, expected) in zip(found, [c, -s, s, c, 0, 0]) {
      #expect(abs(value - expected) < 0.02)
    }
    #expect(abs(components.variances[0] - 25) < 0.7 && abs(components.variances[1] - 4) < 0.2)
    #expect(abs(components.shares.reduce(0, +) - 1) < 0.01)
    let places = components(points)
    #expect(places.shape == [20_000, 2] && abs(places.mean().item()) < 1e-3)
  }
}

@Suite struct NeighbourEmbeddingTests {
  private static func points(_ count: Int, seed: UInt64, scale: Double = 1) -> [SIMD2<Double>] {
    let values = (Tensor.normal([count, 2], using: RandomGenerator(seed: seed)) * scale)
      .to(.float64).array(of: Double.self)
    return (0..<count).map { SIMD2(values[2 * $0], values[2 * $0 + 1]) }
  }

  private static func affinities(_ count: Int, _ layout: NeighbourEmbedding)
    -> NeighbourEmbedding.Affinities
  {
    let rows = Tensor.normal([count, 5], using: RandomGenerator(seed: 9))
    return layout.affinities(SimilaritySearch(rows), embeddings: rows)
  }

  /// KL(p || q), the long way.
  private static func divergence(
    _ p: NeighbourEmbedding.Affinities, _ points: [SIMD2<Double>]
  ) -> Double {
    func kernel(_ i: Int, _ j: Int) -> Double {
      let difference = points[i] - points[j]
      return 1 / (1 + (difference * difference).sum())
    }
    var total = 0.0
    for i in points.indices { for j in points.indices where j != i { total += kernel(i, j) } }
    var sum = 0.0
    for i in 0..<p.count {
      for entry in p.starts[i]..<p.starts[i + 1] {
        let value = p.values[entry]
        sum += value * log(value * total / kernel(i, p.columns[entry]))
      }
    }
    return sum
  }

  @Test func affinitiesAreSymmetricAndSumToOne() {
    let p = Self.affinities(40, NeighbourEmbedding(perplexity: 5))
    #expect(abs(p.values.reduce(0, +) - 1) < 1e-9)
    var entries: [[Int]: Double] = [:]
    for row in 0..<40 {
      for entry in p.starts[row]..<p.starts[row + 1] {
        entries[[row, p.columns[entry]]] = p.values[entry]
      }
    }
    #expect(entries.allSatisfy { abs(entries[[$0.key[1], $0.key[0]]]! - $0.value) < 1e-12 })
    #expect(entries.keys.allSatisfy { $0[0] != $0[1] })
  }

  @Test(arguments: [2.0, 5, 15])
  func theBandwidthGivesThePerplexity(perplexity: Double) {
    let distances = (1...60).map { 0.02 * Double($0) * Double($0) }
    let values = NeighbourEmbedding.conditional(distances, perplexity: perplexity)
    let entropy = -values.filter { $0 > 0 }.map { $0 * log($0) }.reduce(0, +)
    #expect(abs(exp(entropy) - perplexity) < 1e-3)
  }

  @Test func theGradientIsThatOfTheDivergence() {
    let exact = NeighbourEmbedding(perplexity: 4, theta: 0)
    let p = Self.affinities(25, exact)
    let points = Self.points(25, seed: 2)
    let gradient = exact.gradient(p, at: points)
    for index in [0, 7, 24] {
      for axis in 0..<2 {
        var (up, down) = (points, points)
        up[index][axis] += 1e-5
        down[index][axis] -= 1e-5
        let slope = (Self.divergence(p, up) - Self.divergence(p, down)) / 2e-5
        #expect(abs(slope - gradient[index][axis]) < 1e-7)
      }
    }
  }

  @Test func farPointsCanBeSummedUp() {
    let points = Self.points(600, seed: 3, scale: 5)
    let tree = QuadTree(points)
    for point in points.prefix(20) {
      let exact = tree.repulsion(of: point, theta: 0)
      let coarse = tree.repulsion(of: point, theta: 0.5)
      #expect(abs(coarse.weight / exact.weight - 1) < 0.02)
      let difference = coarse.force - exact.force
      let error = (difference * difference).sum().squareRoot()
      #expect(error < 0.05 * (exact.force * exact.force).sum().squareRoot() + 0.02 * exact.weight)
    }
    // The exact sum is the sum.
    let first = points[0]
    let weight = points.reduce(0) { sum, other in
      let difference = first - other
      return sum + 1 / (1 + (difference * difference).sum())
    }
    #expect(abs(tree.repulsion(of: first, theta: 0).weight - weight) < 1e-9)
  }

  @Test func equalPointsDoNotSplitTheTreeForEver() {
    let points = [SIMD2<Double>](repeating: [1, 2], count: 50) + [[1, 2.000_000_1], [9, 9]]
    let found = QuadTree(points).repulsion(of: [1, 2], theta: 0)
    #expect(abs(found.weight - (51 + 1 / (1.0 + 64 + 49))) < 1e-6)
  }

  @Test func groupsStayTogetherAndTheLayoutIsTheSameEachTime() {
    let generator = RandomGenerator(seed: 4)
    let centres = Tensor.normal([3, 8], using: generator) * 6
    let rows = Tensor.concatenate(
      (0..<3).map { group in
        Tensor.normal([20, 8], using: generator) + centres[group]
      })
    let components = PrincipalComponents(of: rows, count: 2)(rows).to(.float64)
      .array(of: Double.self)
    let beginning = (0..<60).map { SIMD2(components[2 * $0], components[2 * $0 + 1]) }
    let layout = NeighbourEmbedding(perplexity: 8, iterations: 300, exaggeratedIterations: 100)
    let search = SimilaritySearch(rows)
    let points = layout(search, embeddings: rows, from: beginning)
    #expect(points == layout(search, embeddings: rows, from: beginning))
    let p = layout.affinities(search, embeddings: rows)
    #expect(Self.divergence(p, points) < Self.divergence(p, beginning) / 2)
    for i in 0..<60 {
      let nearest = (0..<60).filter { $0 != i }.min { left, right in
        let (a, b) = (points[left] - points[i], points[right] - points[i])
        return (a * a).sum() < (b * b).sum()
      }!
      #expect(nearest / 20 == i / 20)
    }
  }
}

/// The page, and that a browser shows it: the browser's part runs where Chromium is on PATH.
@Suite struct EmbeddingMapTests {
  let pictures: ColouredShapes
  let output: OutputFolder
  let file: EmbeddingFile

  init() throws {
    pictures = try ColouredShapes(24)
    output = try OutputFolder()
    let model = try TinyModel()
    // A name that would end the page's script, were it not escaped.
    let odd = "\(pictures.path)/<!--<script>&"
    try FileManager.default.createDirectory(atPath: odd, withIntermediateDirectories: true)
    try FileManager.default.copyItem(
      atPath: "\(pictures.path)/discs/0.png", toPath: "\(odd)/a.png")
    _ = try EmbeddingExport(embedder: try model.embedder())
      .run(try PictureInputs([pictures.path]), to: output("e.npy"))
    file = try EmbeddingFile(path: output("e.npy"))
  }

  private func page(_ projection: EmbeddingMap.Projection) throws -> String {
    var map = EmbeddingMap(file, projection: projection)
    map.layout.iterations = 50
    let report = try map.write(to: output("map.html"))
    #expect(report.shownCount == 25 && report.thumbnailCount == 25 && report.failures.isEmpty)
    return String(decoding: try output.bytes("map.html"), as: UTF8.self)
  }

  @Test func thePageHoldsEverything() throws {
    let html = try page(.tsne)
    let start = try #require(html.range(of: "id=\"data\">")).upperBound
    let end = try #require(html.range(of: "</script>", range: start..<html.endIndex)).lowerBound
    let data = try #require(
      JSONSerialization.jsonObject(with: Data(html[start..<end].utf8)) as? [String: Any])
    #expect((data["name"] as? [String]) == file.rows.map(\.path))
    #expect(
      (data["labels"] as? [String])?.sorted() == ["<!--<script>&", "discs", "squares", "stripes"])
    let layouts = try #require(data["layouts"] as? [[String: Any]])
    #expect(layouts.compactMap { $0["name"] as? String } == ["t-SNE", "PCA"])
    for layout in layouts {
      let places = try #require(layout["places"] as? [Int])
      #expect(places.count == 50 && places.allSatisfy { (0...65_535).contains($0) })
    }
    let thumbnails = try #require(data["thumbnail"] as? [String])
    let first = try #require(Data(base64Encoded: thumbnails[0]))
    let picture = try ImageDecoder().decode(Array(first), name: "thumbnail")
    #expect(picture.width == 64 && picture.height == 64)
    // Nothing comes from elsewhere.
    #expect(html.contains("default-src 'none'"))
    for address in ["http:", "https:", "src=\"/", "@import", "url("] {
      #expect(!html.contains(address), "\(address)")
    }
  }

  @Test func picturesThatAreGoneLeaveNoThumbnail() throws {
    try FileManager.default.removeItem(atPath: file.rows[3].path)
    let report = try EmbeddingMap(file).write(to: output("map.html"))
    #expect(report.thumbnailCount == 24 && report.failures.map(\.path) == [file.rows[3].path])
  }

  @Test func aMapNeedsRowsWithOneEmbedding() throws {
    let model = try TinyModel()
    _ = try EmbeddingExport(embedder: try model.embedder { $0.pooling = .none })
      .run(try PictureInputs([pictures.path]), to: output("t.npy"))
    #expect(throws: EmbeddingError.self) {
      try EmbeddingMap(EmbeddingFile(path: output("t.npy"))).write(to: output("map.html"))
    }
    let nowhere = output("no/map.html")
    #expect(
      throws: FileError.failed(operation: "write", path: nowhere, code: ENOENT)
    ) { try EmbeddingMap(file).write(to: nowhere) }
  }

  /// Hovers, zooms, drags, hides a label and filters as a user would, and reads what the page shows.
  @Test(.enabled(if: Browser.path != nil, "no Chromium on PATH"))
  func aBrowserShowsIt() throws {
    let html = try page(.tsne)
    let script = #"""
      <script>
      const said = {}, box = canvas.getBoundingClientRect();
      const send = (kind, type, x, y, more) => canvas.dispatchEvent(new type(kind,
        { clientX: box.left + x, clientY: box.top + y, bubbles: true, cancelable: true, ...more }));
      const [x, y] = position(3);
      send("pointermove", PointerEvent, x, y);
      said.tip = tip.style.display + " " + tip.textContent;
      said.thumbnail = tip.querySelector("img").src.slice(0, 23);
      send("wheel", WheelEvent, x, y, { deltaY: -400 });
      draw();
      said.scale = document.body.dataset.scale;
      const [zoomedX, zoomedY] = position(hovered);
      said.stays = Math.hypot(zoomedX - x, zoomedY - y) < 1;
      send("pointerdown", PointerEvent, x, y);
      send("pointermove", PointerEvent, x + 30, y - 20);
      send("pointerup", PointerEvent, x + 30, y - 20);
      draw();
      const [draggedX, draggedY] = position(hovered);
      said.dragged = Math.round(draggedX - zoomedX) + "," + Math.round(draggedY - zoomedY);
      send("dblclick", MouseEvent, x, y);
      document.querySelector("#legend li").click();
      draw();
      said.withoutFirst = document.body.dataset.shown;
      document.querySelector("#legend li").click();
      document.getElementById("filter").value = "SQUARES/";
      document.getElementById("filter").dispatchEvent(new Event("input"));
      draw();
      said.squares = document.body.dataset.shown;
      document.getElementById("filter").value = "";
      document.getElementById("filter").dispatchEvent(new Event("input"));
      const before = position(3).join();
      document.querySelectorAll("#layouts button")[1].click();
      said.moves = position(3).join() !== before;
      document.body.dataset.said = JSON.stringify(said);
      </script>
      </body>
      """#
    try output.write(
      Data(
        html.replacingOccurrences(of: "</body>", with: script)
          .utf8), to: "test.html")
    let dump = try Browser.dump(output("test.html"))
    let match = try #require(dump.firstMatch(of: /data-said="([^"]*)"/), "\(dump.prefix(2000))")
    let text = String(match.1).replacingOccurrences(of: "&quot;", with: "\"")
      .replacingOccurrences(of: "&lt;", with: "<").replacingOccurrences(of: "&amp;", with: "&")
    let said = try #require(JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    let tip = try #require(said["tip"] as? String)
    #expect(tip.hasPrefix("block ") && tip.contains(pictures.path))
    #expect(said["thumbnail"] as? String == "data:image/jpeg;base64,")
    #expect(Double(try #require(said["scale"] as? String))! > 1.5)
    #expect(said["stays"] as? Bool == true)
    #expect(said["dragged"] as? String == "30,-20")
    #expect(said["withoutFirst"] as? String == "17" && said["squares"] as? String == "8")
    #expect(said["moves"] as? Bool == true)
  }
}

/// Chromium without a window.
enum Browser {
  static let path: String? = {
    let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
    for name in ["chromium", "chromium-browser", "google-chrome"] {
      for folder in folders
      where FileManager.default.isExecutableFile(atPath: "\(folder)/\(name)") {
        return "\(folder)/\(name)"
      }
    }
    return nil
  }()

  /// The page's elements after its scripts have run.
  static func dump(_ page: String) throws -> String {
    let profile = TemporaryPath("browser")
    let process = Process()
    process.executableURL = URL(fileURLWithPath: path!)
    process.arguments = [
      "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
      "--user-data-dir=\(profile.path)", "--window-size=1000,700", "--virtual-time-budget=3000",
      "--dump-dom", "file://\(page)",
    ]
    let output = Pipe()
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    try process.run()
    let data = try output.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    return String(decoding: data, as: UTF8.self)
  }
}
