import Files

/// The shortest path between two nodes of an undirected graph, where there is only one: `ah ab bh ch` (from
/// a to h, then the edges) is answered `abh`. Difficulty is the number of the path's edges.
public struct PathTask: TextTask {
  public let nodes: Int
  public let difficulties: ClosedRange<Int>

  /// The path lengths that random graphs of so many nodes have in quantity.
  static func lengths(nodes: Int) -> ClosedRange<Int> { 1...min(nodes - 1, 2 + nodes / 3) }

  /// How many edges a graph has.
  public var edgeCount: Int { min(nodes * 6 / 5, nodes * (nodes - 1) / 2) }

  public init(nodes: Int, difficulties: ClosedRange<Int>) {
    self.nodes = nodes
    self.difficulties = difficulties
  }

  public func draw(
    for split: TaskSplit, wanted: Set<Int>, using generator: inout SeededGenerator
  ) -> TextExample? {
    // A random tree, so that all nodes are connected, and random edges besides. Each node hangs on one of
    // the three before it, which makes long paths.
    var names = Array(0..<nodes)
    generator.shuffle(&names)
    var edges = (1..<nodes).map { node in
      (names[node], names[node - 1 - generator.index(below: min(node, 3))])
    }
    while edges.count < edgeCount {
      let edge = (generator.index(below: nodes), generator.index(below: nodes))
      let isNew = edge.0 != edge.1 && !edges.contains { $0 == edge || $0 == (edge.1, edge.0) }
      if isNew { edges.append(edge) }
    }
    let key = edges.map { TextGraph.text([min($0.0, $0.1), max($0.0, $0.1)]) }.sorted()
    guard HeldOut.split(of: key.joined().utf8) == split else { return nil }

    let graph = TextGraph(nodes: nodes, edges: edges)
    let start = generator.index(below: nodes)
    let ends = (0..<nodes).compactMap { end -> (Int, [Int])? in
      guard end != start, let path = graph.onlyShortestPath(from: start, to: end),
        wanted.contains(path.count - 1)
      else { return nil }
      return (end, path)
    }
    // The longest are the rarest.
    guard let longest = ends.map(\.1.count).max() else { return nil }
    let rarest = ends.filter { $0.1.count == longest }
    let (end, path) = rarest[generator.index(below: rarest.count)]

    generator.shuffle(&edges)
    let listed = edges.map { edge in
      generator.index(below: 2) == 0 ? [edge.0, edge.1] : [edge.1, edge.0]
    }
    return TextExample(
      prompt: ([[start, end]] + listed).map(TextGraph.text).joined(separator: " "),
      answer: TextGraph.text(path), difficulty: path.count - 1)
  }
}

/// An undirected graph whose nodes are called a, b, c, ….
struct TextGraph {
  private let neighbours: [[Int]]

  init(nodes: Int, edges: [(Int, Int)]) {
    var neighbours = [[Int]](repeating: [], count: nodes)
    for (first, second) in edges {
      neighbours[first].append(second)
      neighbours[second].append(first)
    }
    self.neighbours = neighbours
  }

  /// The names of nodes in a row.
  static func text(_ nodes: [Int]) -> String {
    String(decoding: nodes.map { UInt8(ascii: "a") + UInt8($0) }, as: UTF8.self)
  }

  /// The shortest path, both ends included; nil where there is none, or another as short.
  func onlyShortestPath(from start: Int, to end: Int) -> [Int]? {
    var distance = [Int?](repeating: nil, count: neighbours.count)
    var waysCount = [Int](repeating: 0, count: neighbours.count)
    (distance[start], waysCount[start]) = (0, 1)
    var queue = [start]
    var head = 0
    while head < queue.count {
      let node = queue[head]
      head += 1
      for neighbour in neighbours[node] {
        if distance[neighbour] == nil {
          distance[neighbour] = distance[node]! + 1
          queue.append(neighbour)
        }
        if distance[neighbour] == distance[node]! + 1 { waysCount[neighbour] += waysCount[node] }
      }
    }
    guard distance[end] != nil, waysCount[end] == 1 else { return nil }
    var path = [end]
    while path[0] != start {
      let before = neighbours[path[0]].first { distance[$0] == distance[path[0]]! - 1 }
      path.insert(before!, at: 0)
    }
    return path
  }
}
