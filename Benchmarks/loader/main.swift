// Loads the pictures of a folder once with one worker and prints what it cost, as JSON.
// compare.py runs it beside a loader written with Pillow and numpy.

import Foundation
import ImageJEPA
import Pictures
import TrainingRuns

func fail(_ message: String) -> Never {
  FileHandle.standardError.write(Data("loader-benchmark: \(message)\n".utf8))
  exit(1)
}

/// User and system time of this process, in seconds.
func processorSeconds() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

let arguments = CommandLine.arguments
guard arguments.count == 5, let size = Int(arguments[3]), let count = Int(arguments[4]),
  ["crop", "views"].contains(arguments[2])
else { fail("usage: loader-benchmark FOLDER crop|views SIZE PICTURES") }

let plan =
  arguments[2] == "views"
  ? MethodName.views.defaultViews(imageSize: size, patchSize: 8)
  : ViewPlan(
    sharedCrop: RandomResizedCrop(scale: 0.3...1),
    views: [
      ViewSpecification(
        name: "crop", size: size,
        colorJitter: ColorJitter(
          probability: 0.8, brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1))
    ])

do {
  let folder = try ImageFolder(arguments[1])
  let items = (0..<count).map { $0 % folder.count }
  let requests = stride(from: 0, to: count, by: 64).map {
    BatchRequest(items: items[$0..<min($0 + 64, count)].map { SampledItem(index: $0, epoch: 0) })
  }
  let (wall, processor) = (ContinuousClock.now, processorSeconds())
  let loader = try ViewLoader(
    folder, plan: plan, seed: 1, options: LoaderOptions(workers: 1),
    requests: requests.makeIterator())
  var sum = 0.0
  while let batch = try loader.next() {
    sum += Double(batch.views[0].pixels[0])
    loader.release(batch)
  }
  let seconds = (ContinuousClock.now - wall) / .seconds(1)
  print(
    """
    {"pictures": \(count), "processorSeconds": \(processorSeconds() - processor), \
    "wallSeconds": \(seconds), "failed": \(loader.report.failedReads), "check": \(sum)}
    """)
} catch {
  fail("\(error)")
}
