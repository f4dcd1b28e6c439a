import ArgumentParser
import Foundation
import Torch

struct Devices: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "List what --device can name here, and why the rest cannot be used.")

  func run() throws {
    print("libtorch \(Session.torchVersion), \(Session.threadCount) threads")
    let gpus = CUDADriver.gpus
    print(Self.row("cpu", nil))
    for (index, gpu) in gpus.enumerated() {
      let device = Device.cuda(index)
      let size = "\(gpu.name), \(gpu.memory >> 30) GiB"
      print(Self.row(device.description, device.reasonItIsUnavailable, size))
    }
    if gpus.isEmpty { print(Self.row("cuda", Device.cuda(0).reasonItIsUnavailable)) }
    print(Self.row("mps", Device.mps.reasonItIsUnavailable))
  }

  private static func row(_ name: String, _ reason: String?, _ detail: String? = nil) -> String {
    let padded = name.padding(toLength: 8, withPad: " ", startingAt: 0)
    let state = reason.map { "no: \($0)" } ?? "yes"
    return "  \(padded)\(state)\(detail.map { " (\($0))" } ?? "")"
  }
}
