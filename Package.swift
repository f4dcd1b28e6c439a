// swift-tools-version: 6.2
import Foundation
import PackageDescription

// libtorch: LIBTORCH=/path names an existing PyTorch or libtorch, else the one that
// scripts/bootstrap put into .libtorch/ (docs/decisions/0001-libtorch.md).
let environment = ProcessInfo.processInfo.environment
let libtorch = environment["LIBTORCH"] ?? Context.packageDirectory + "/.libtorch"

if !FileManager.default.fileExists(atPath: libtorch + "/lib/libtorch_cpu.so"),
  !FileManager.default.fileExists(atPath: libtorch + "/lib/libtorch_cpu.dylib")
{
  fatalError(
    "no libtorch in \(libtorch): run scripts/bootstrap, or set LIBTORCH to a PyTorch folder")
}

// Nothing refers to CUDA's kernels by symbol: they are registered when libtorch.so is loaded, which needs
// libtorch_cuda.so where it was built with CUDA. So one binary serves both kinds.
#if os(Linux)
  let wholeLibtorch = ["-Xlinker", "--no-as-needed", "-ltorch", "-Xlinker", "--as-needed"]
#else
  let wholeLibtorch = ["-ltorch"]
#endif

// libpng and libjpeg lie where the compiler looks, but for Homebrew's.
#if os(macOS)
  let homebrew =
    environment["HOMEBREW_PREFIX"]
    ?? ["/opt/homebrew", "/usr/local"].first {
      FileManager.default.fileExists(atPath: $0 + "/opt/libpng")
    }
    ?? "/opt/homebrew"
  let kegs = ["libpng", "jpeg-turbo"].map { homebrew + "/opt/" + $0 }
#else
  let kegs: [String] = []
#endif
let libtorchLinkerFlags =
  ["-L\(libtorch)/lib", "-Xlinker", "-rpath", "-Xlinker", "\(libtorch)/lib"] + wholeLibtorch

let package = Package(
  name: "swift-jepa",
  platforms: [.macOS(.v15)],
  products: [
    .executable(name: "jepa", targets: ["jepa"]),
    .library(name: "Torch", targets: ["Torch"]),
    .library(name: "EnergyDescent", targets: ["EnergyDescent"]),
    .library(name: "VisionJEPA", targets: ["Pictures", "Frames", "ImageJEPA", "VideoJEPA"]),
    .library(name: "TextPlanner", targets: ["TextPlanner"]),
    // What the last two name in public: sessions end in an outcome, settings are configurations of runs.
    .library(name: "Learning", targets: ["Learning"]),
    .library(name: "TrainingRuns", targets: ["TrainingRuns"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
  ],
  targets: [
    .target(
      name: "CTorch",
      cxxSettings: [
        .headerSearchPath("gloo"),
        .unsafeFlags([
          "-isystem", "\(libtorch)/include",
          "-isystem", "\(libtorch)/include/torch/csrc/api/include",
        ]),
      ],
      linkerSettings: [
        .linkedLibrary("torch_cpu"), .linkedLibrary("c10"),
        .unsafeFlags(libtorchLinkerFlags),
      ]),
    .systemLibrary(name: "CZlib"),
    .systemLibrary(name: "CSQLite"),
    .target(
      name: "CImage",
      cSettings: [.unsafeFlags(kegs.map { "-I\($0)/include" })],
      linkerSettings: [
        .linkedLibrary("png"), .linkedLibrary("jpeg"), .unsafeFlags(kegs.map { "-L\($0)/lib" }),
      ]),
    .target(name: "Torch", dependencies: ["CTorch"]),
    .target(name: "EnergyDescent", dependencies: ["Torch"]),
    .target(name: "Files"),
    .target(
      name: "TrainingRuns",
      dependencies: ["Files", "Yams", .product(name: "Logging", package: "swift-log")]),
    .target(
      name: "Learning",
      dependencies: [
        "Torch", "EnergyDescent", "Files", "TrainingRuns",
        .product(name: "Logging", package: "swift-log"),
      ]),
    .target(
      name: "Pictures",
      dependencies: ["CImage", "Files", .product(name: "Logging", package: "swift-log")]),
    .target(name: "Frames", dependencies: ["Pictures", "Files"]),
    .target(
      name: "ImageJEPA",
      dependencies: [
        "Torch", "EnergyDescent", "Learning", "TrainingRuns", "Files", "Pictures",
        .product(name: "Logging", package: "swift-log"),
      ]),
    .target(
      name: "VideoJEPA",
      dependencies: [
        "Torch", "EnergyDescent", "Learning", "TrainingRuns", "Files", "Pictures", "Frames",
        "ImageJEPA", .product(name: "Logging", package: "swift-log"),
      ],
      resources: [
        .embedInCode("Measures/transition-hypotheses.json"),
        .embedInCode("Page/consistency-page.html"),
      ]),
    .target(
      name: "TextPlanner",
      dependencies: [
        "CSQLite", "Torch", "EnergyDescent", "TrainingRuns", "Learning", "Files",
        .product(name: "Logging", package: "swift-log"),
      ]),
    .target(
      name: "Embeddings",
      dependencies: [
        "CZlib", "Torch", "EnergyDescent", "Files", "Pictures", "Frames", "ImageJEPA",
        "TrainingRuns", .product(name: "Logging", package: "swift-log"),
      ]),
    .target(
      name: "Evaluation",
      dependencies: [
        "Torch", "EnergyDescent", "Files", "Pictures", "Frames", "ImageJEPA", "VideoJEPA",
        "TextPlanner", "TrainingRuns", "Embeddings",
        .product(name: "Logging", package: "swift-log"),
      ]),
    .executableTarget(
      name: "jepa",
      dependencies: [
        "Torch", "Files", "Pictures", "Frames", "ImageJEPA", "VideoJEPA",
        "TextPlanner", "Embeddings", "Evaluation", "TrainingRuns",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),
    .executableTarget(
      name: "loader-benchmark", dependencies: ["Pictures", "ImageJEPA", "TrainingRuns"],
      path: "Benchmarks/loader",
      exclude: ["compare.py", "README.md"]),
    .executableTarget(
      name: "ijepa-step-benchmark",
      dependencies: ["Torch", "EnergyDescent", "Files", "ImageJEPA", "TrainingRuns"],
      path: "Benchmarks/ijepa-step", exclude: ["peer.py", "README.md", "run"]),
    .executableTarget(
      name: "training-step-benchmark",
      dependencies: [
        "Torch", "EnergyDescent", "Pictures", "ImageJEPA", "TrainingRuns",
      ],
      path: "Benchmarks/gpu/step"),
    .executableTarget(
      name: "scaling-benchmark",
      dependencies: [
        "Torch", "EnergyDescent", "Learning", "Pictures", "ImageJEPA", "TrainingRuns",
      ],
      path: "Benchmarks/scaling", exclude: ["README.md", "run", "in-namespace", "cifar10"]),
    .executableTarget(
      name: "anomalies-benchmark",
      dependencies: ["Torch", "Files", "Pictures", "ImageJEPA", "Evaluation"],
      path: "Benchmarks/anomalies", exclude: ["README.md", "results.txt", "run"]),
    .executableTarget(
      name: "embed-picture", dependencies: ["ImageJEPA"], path: "Examples/embed-picture"),
    .executableTarget(
      name: "train-pictures", dependencies: ["ImageJEPA"], path: "Examples/train-pictures"),
    .executableTarget(
      name: "encode-tensors", dependencies: ["Torch", "ImageJEPA"],
      path: "Examples/encode-tensors"),
    .target(
      name: "TestSupport",
      dependencies: ["Torch", "TrainingRuns", "Files", "Pictures", "VideoJEPA"],
      path: "Tests/TestSupport"),
    .testTarget(name: "TorchTests", dependencies: ["Torch", "CTorch", "TestSupport"]),
    .testTarget(name: "EnergyDescentTests", dependencies: ["EnergyDescent", "TestSupport"]),
    .testTarget(name: "TrainingRunsTests", dependencies: ["TrainingRuns", "Files", "TestSupport"]),
    .testTarget(
      name: "LearningTests",
      dependencies: ["Learning", "Torch", "EnergyDescent", "TrainingRuns", "TestSupport"]),
    .testTarget(
      name: "VisionJEPATests",
      dependencies: [
        "Pictures", "Frames", "ImageJEPA", "VideoJEPA", "Learning", "CImage", "TestSupport",
      ]),
    .testTarget(
      name: "TextPlannerTests", dependencies: ["TextPlanner", "Learning", "Files", "TestSupport"]),
    .testTarget(
      name: "EvaluationTests",
      dependencies: ["Embeddings", "Evaluation", "TextPlanner", "Files", "TestSupport"]),
    .testTarget(
      name: "CommandLineTests",
      dependencies: [
        "jepa", "Torch", "Files", "Pictures", "Frames", "ImageJEPA", "VideoJEPA", "TextPlanner",
        "Embeddings", "Evaluation", "TrainingRuns", "TestSupport",
      ]),
  ],
  swiftLanguageModes: [.v6],
  cxxLanguageStandard: .cxx20
)

// DOCUMENTATION=1 swift package generate-documentation: nothing else fetches or builds the plugin.
if environment["DOCUMENTATION"] != nil {
  package.dependencies.append(
    .package(url: "https://github.com/swiftlang/swift-docc-plugin", from: "1.5.0"))
}
