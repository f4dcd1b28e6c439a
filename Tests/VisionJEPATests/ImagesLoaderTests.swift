import Files
import Foundation
import Testing
import TrainingRuns

@testable import ImageJEPA
@testable import Pictures

@Suite struct ImagesLoaderTests {
  static let sources = [
    "baseline420.jpg", "orientation6.jpg", "rgb8.png", "cmyk.jpg", "palette-trns.png",
    "progressive.jpg", "thin.png", "one-pixel.png",
  ]

  static func pictures(_ count: Int = 8) throws -> ScratchFolder {
    let scratch = try ScratchFolder()
    for index in 0..<count {
      try scratch.copy(sources[index % sources.count], to: "class-\(index % 3)/\(index)")
    }
    return scratch
  }

  static var plan: ViewPlan {
    var plan = MethodName.views.defaultViews(imageSize: 32, patchSize: 8)
    (plan.views[0].colorJitter, plan.views[0].greyscale) = (nil, nil)
    plan.views[2].greyscale = Greyscale(probability: 0.5)
    plan.views[2].blur = GaussianBlur()
    plan.views[2].solarize = Solarize()
    plan.views[2].noise = Noise()
    plan.views[2].erase = Erase()
    return plan
  }

  static func requests(epochs: Int, items: Int, size: Int) -> IndexingIterator<[BatchRequest]> {
    var all: [BatchRequest] = []
    for epoch in 0..<epochs {
      var order = Array(0..<items)
      var generator = SeededGenerator(seed: 11, UInt64(epoch))
      generator.shuffle(&order)
      for start in stride(from: 0, to: items, by: size) {
        all.append(
          BatchRequest(
            items: order[start..<min(start + size, items)].map {
              SampledItem(index: $0, epoch: epoch)
            }))
      }
    }
    return all.makeIterator()
  }

  /// Everything that all batches hold.
  static func everything(_ loader: ViewLoader) throws -> [[Float]] {
    var all: [[Float]] = []
    while let batch = try loader.next() {
      all.append(batch.requestedItems.map { Float($0.epoch) } + batch.items.map(Float.init))
      for views in batch.views {
        all.append(Array(views.pixels))
        all.append(Array(views.parameters))
        all.append(views.masks.map(Float.init))
      }
      loader.release(batch)
    }
    return all
  }

  @Test func viewsDoNotDependOnTheNumberOfThreads() throws {
    let scratch = try Self.pictures()
    try scratch.copy("truncated.jpg", to: "class-0/broken")
    let folder = try ImageFolder(scratch.path)
    var results: [[[Float]]] = []
    for workers in [1, 2, 5] {
      let loader = try ViewLoader(
        folder, plan: Self.plan, seed: 7,
        options: LoaderOptions(workers: workers, prefetchedBatches: workers),
        requests: Self.requests(epochs: 2, items: folder.count, size: 4))
      results.append(try Self.everything(loader))
      #expect(loader.report.batches == 6 && loader.report.items == 18)
      #expect(loader.report.failures.map(\.path) == [scratch.path("class-0/broken")])
    }
    #expect(results[0] == results[1])
    #expect(results[0] == results[2])
    let other = try ViewLoader(
      folder, plan: Self.plan, seed: 8,
      requests: Self.requests(epochs: 2, items: folder.count, size: 4))
    #expect(try Self.everything(other) != results[0])
  }

  @Test func resumingGivesTheSameBatches() throws {
    let scratch = try Self.pictures()
    let folder = try ImageFolder(scratch.path)
    let whole = try Self.everything(
      ViewLoader(
        folder, plan: Self.plan, seed: 7, requests: Self.requests(epochs: 2, items: 8, size: 4)))
    let rest = Array(Self.requests(epochs: 2, items: 8, size: 4)).dropFirst(2)
    let resumed = try Self.everything(
      ViewLoader(folder, plan: Self.plan, seed: 7, requests: Array(rest).makeIterator()))
    #expect(Array(whole.suffix(resumed.count)) == resumed)
    #expect(resumed.count * 2 == whole.count)
  }

  @Test func aBatchThatMemoryHasNoRoomForIsAnError() throws {
    let memory = BatchMemory<Float>()
    try memory.reserve(3)
    memory.pointer[2] = 7
    #expect(throws: ImageError.noRoomForBatch(byteCount: 1 << 50)) {
      try memory.reserve(1 << 48)
    }
    #expect(memory.pointer[2] == 7)
    // The allocator's memory is taken where it has some, and the heap's where it has none.
    nonisolated(unsafe) let lent = UnsafeMutableRawBufferPointer.allocate(
      byteCount: 64, alignment: 64)
    defer { lent.deallocate() }
    let other = BatchMemory<Float> { $0 <= 64 ? (lent, NSObject()) : nil }
    try other.reserve(16)
    #expect(UnsafeMutableRawPointer(other.pointer) == lent.baseAddress)
    try other.reserve(17)
    #expect(UnsafeMutableRawPointer(other.pointer) != lent.baseAddress)
  }

  @Test func batchesHaveTheirShapes() throws {
    let scratch = try Self.pictures()
    let folder = try ImageFolder(scratch.path)
    let loader = try ViewLoader(
      folder, plan: Self.plan, seed: 7, requests: Self.requests(epochs: 1, items: 8, size: 3))
    let batch = try #require(try loader.next())
    #expect(batch.count == 3 && batch.paths.count == 3 && batch.labels.count == 3)
    for (item, label) in zip(batch.items, batch.labels) {
      #expect(folder.label(of: item) == folder.labels[label])
    }
    let clean = try #require(batch["clean"])
    let masked = try #require(batch["masked"])
    let local = try #require(batch["local"])
    #expect(clean.pixels.count == 3 * 3 * 32 * 32 && clean.masks.isEmpty)
    #expect(masked.masks.count == 3 * 16)
    #expect(local.pixels.count == 12 * 3 * 16 * 16)
    #expect(local.parameters.count == 12 * ViewParameters.width)
    // Kept cells of an unchanged masked view are the clean view's; hidden ones are zero.
    for row in 0..<3 {
      let changed = (5..<9).contains { masked.parameters[row * ViewParameters.width + $0] != 0 }
      for pixel in 0..<1024 {
        let (y, x) = (pixel / 32, pixel % 32)
        let value = masked.pixels[row * 3072 + pixel]
        if masked.masks[row * 16 + y / 8 * 4 + x / 8] == 0 {
          #expect(value == 0)
        } else if !changed {
          #expect(value == clean.pixels[row * 3072 + pixel])
        }
      }
    }
    // Shared frames sit at the origin, local ones elsewhere and smaller or larger.
    #expect(clean.parameters.prefix(ViewParameters.width).allSatisfy { $0 == 0 })
    #expect(local.parameters[15] == 1 && local.parameters[2] != 0)
  }

  @Test func unreadablePicturesAreReplacedAndNamed() throws {
    let scratch = try Self.pictures(6)
    try scratch.copy("truncated.png", to: "class-0/broken")
    let folder = try ImageFolder(scratch.path)
    try FileManager.default.removeItem(atPath: folder.path(of: 1))
    let loader = try ViewLoader(
      folder, plan: .clean(size: 16), seed: 1,
      requests: Self.requests(epochs: 3, items: folder.count, size: 7))
    var shown: Set<Int> = []
    while let batch = try loader.next() {
      #expect(batch.count == 7 && Set(batch.requestedItems).count == 7)
      shown.formUnion(batch.items)
      loader.release(batch)
    }
    let broken = try #require((0..<7).first { folder.path(of: $0).hasSuffix("broken") })
    #expect(!shown.contains(1) && !shown.contains(broken))
    let report = loader.report
    #expect(report.failures.count == 2 && report.failedReads >= 6)
    #expect(
      report.failures.contains {
        $0.error == .unreadableFile(path: folder.path(of: 1), reason: "No such file or directory")
      })
    #expect(report.waitingShare >= 0 && report.waitingShare <= 1)
  }

  @Test func strictLoadersThrow() throws {
    let scratch = try Self.pictures(3)
    try scratch.copy("truncated.png", to: "class-0/broken")
    let folder = try ImageFolder(scratch.path)
    let loader = try ViewLoader(
      folder, plan: .clean(size: 16), seed: 1, options: LoaderOptions(isStrict: true),
      requests: Self.requests(epochs: 1, items: 4, size: 4))
    #expect {
      try loader.next()
    } throws: {
      guard case ImageError.truncated(let path, _) = $0 else { return false }
      return path == scratch.path("class-0/broken")
    }
  }

  @Test func foldersThatVanishAreAnErrorNotALoop() throws {
    let scratch = try Self.pictures(3)
    let folder = try ImageFolder(scratch.path)
    for index in 0..<3 { try FileManager.default.removeItem(atPath: folder.path(of: index)) }
    let loader = try ViewLoader(
      folder, plan: .clean(size: 16), seed: 1,
      requests: Self.requests(epochs: 1, items: 3, size: 3))
    #expect {
      try loader.next()
    } throws: {
      guard case ImageError.tooFewReadablePictures(101, _) = $0 else { return false }
      return true
    }
  }

  @Test func loadersThatAreLetGoStop() throws {
    let scratch = try Self.pictures()
    let folder = try ImageFolder(scratch.path)
    for _ in 0..<20 {
      let loader = try ViewLoader(
        folder, plan: Self.plan, seed: 7, options: LoaderOptions(workers: 3),
        requests: Self.requests(epochs: 9, items: 8, size: 4))
      _ = try loader.next()
    }
  }

  @Test func senselessPlansAreRefused() throws {
    let scratch = try Self.pictures(1)
    let folder = try ImageFolder(scratch.path)
    func refused(_ name: String, _ change: (inout ViewPlan) -> Void) {
      var plan = Self.plan
      change(&plan)
      #expect {
        try ViewLoader(
          folder, plan: plan, seed: 0, requests: Self.requests(epochs: 1, items: 1, size: 1))
      } throws: {
        guard case ImageError.invalidSetting(name, _, _) = $0 else { return false }
        return true
      }
    }
    refused("views.masked.cells.cellSize") { $0.views[1].cells?.cellSize = 7 }
    refused("views.local.count") { $0.views[2].count = 0 }
    refused("views.local.colorJitter.hue") { $0.views[2].colorJitter?.hue = 0.7 }
    refused("views") { $0.views = [] }
    refused("views") { $0.views[1].name = "clean" }
    refused("sharedCrop.scale") { $0.sharedCrop.scale = 0...2 }
  }

  @Test func plansSurviveCoding() throws {
    let data = try JSONEncoder().encode(Self.plan)
    #expect(try JSONDecoder().decode(ViewPlan.self, from: data) == Self.plan)
    let short = #"{"views": [{"name": "a", "size": 8, "frame": {"scale": [0.1, 0.4]}}]}"#
    let plan = try JSONDecoder().decode(ViewPlan.self, from: Data(short.utf8))
    #expect(plan.views[0].frame == .own(RandomResizedCrop(scale: 0.1...0.4)))
    #expect(plan.flip == HorizontalFlip() && plan.filter == .bicubic)
  }
}

@Suite struct ImagesEvaluationTests {
  @Test func picturesComeInOrderAndOnce() throws {
    let scratch = try ImagesLoaderTests.pictures(7)
    try scratch.copy("truncated.png", to: "class-1/broken")
    let folder = try ImageFolder(scratch.path)
    for workers in [1, 4] {
      let batches = try ImageBatches(
        folder, size: 16, batchSize: 3, options: LoaderOptions(workers: workers))
      var items: [Int] = []
      while let batch = try batches.next() {
        items += batch.items
        #expect(batch.pixels.count == batch.count * 3 * 256)
        for (row, path) in batch.paths.enumerated() {
          let expected = try ImageDecoder().square(contentsOf: path, size: 16)
          #expect(Array(batch.pixels[row * 768..<(row + 1) * 768]) == expected)
        }
        batches.release(batch)
      }
      let readable = (0..<8).filter { !folder.path(of: $0).hasSuffix("broken") }
      #expect(items == readable)
      #expect(batches.failures.map(\.path) == [scratch.path("class-1/broken")])
    }
  }

  @Test func sheetsAreDrawn() throws {
    let scratch = try ImagesLoaderTests.pictures(4)
    try scratch.copy("truncated.png", to: "class-1/broken")
    let preview = PreviewSheet(
      plan: ImagesLoaderTests.plan,
      masks: (MultiBlockMask(), TokenGrid(height: 8, width: 8)), pictureCount: 5, tileSize: 40)
    let output = scratch.path("sheet.png")
    let failures = try preview.write(folder: scratch.path, to: output)
    #expect(failures.count == 1)
    let sheet = try ImageDecoder().decode(contentsOf: output)
    // Nine tiles in five groups, and four rows.
    #expect(sheet.width == 4 + 9 * 44 + 4 * 12 && sheet.height == 4 + 4 * (44 + 13))
    #expect(throws: ImageError.self) {
      try preview.write(folder: scratch.path, to: scratch.path("absent/sheet.png"))
    }
  }
}
