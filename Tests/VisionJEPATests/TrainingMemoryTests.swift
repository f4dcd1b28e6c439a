import TestSupport
import Testing
import TrainingRuns

@testable import ImageJEPA
@testable import Pictures

/// Settings that ask for more memory than there is.
@Suite struct TrainingMemoryTests {
  @Test func batchesThatNoMemoryHoldsAreRefusedBeforeTheFirstStep() throws {
    let pictures = try ColouredShapes(3)
    var configuration = try MethodTests.configuration([]).resolved(
      for: ImageFolder(pictures.path))
    let bytes = configuration.loadedBytes
    let size = try #require(configuration.imageSize)
    let clean = Double(configuration.batchSize * 4 * 3 * size * size * 4)
    #expect(bytes >= clean, "a batch, three that are read ahead, one view at least")
    try configuration.checkMemory(bytes)
    try configuration.checkMemory()
    configuration.batchSize = 65_536
    #expect {
      try configuration.checkMemory(8 * 1_073_741_824)
    } throws: {
      "\($0)".hasPrefix("batchSize: 65536 pictures of \(size) pixels in 4 batches take ")
        && "\($0)".hasSuffix(
          " GiB, there are 8.0 GiB: lower batchSize, imageSize or loader.prefetchedBatches")
    }
  }
}
