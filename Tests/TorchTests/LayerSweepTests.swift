import Foundation
import TestSupport
import Testing
import Torch

/// Every operator that layers are made of, forward and backward in float32, against float64: small and odd
/// shapes, strides and memory orders, where vectorised kernels go wrong.
///
/// A part of each grid by default; all of it with `LAYER_SWEEP=whole`. `.ci/run` repeats the suite with
/// `ONEDNN_MAX_CPU_ISA=AVX2` and `ATEN_CPU_CAPABILITY=avx2`.
@Suite struct LayerSweepTests {
  static let isWhole = ProcessInfo.processInfo.environment["LAYER_SWEEP"] == "whole"

  /// Every `step`-th of the cases, or all of them.
  static func part<Case>(_ cases: [Case], of step: Int) -> [Case] {
    isWhole ? cases : stride(from: 0, to: cases.count, by: step).map { cases[$0] }
  }

  /// The greatest relative error of the result and of all gradients in float32; infinite where something is
  /// not finite.
  static func error(
    _ shapes: [[Int]], channelsLast: Bool = false, seed: UInt64 = 1,
    _ forward: ([Tensor]) -> Tensor
  ) -> Double {
    let generator = RandomGenerator(seed: seed)
    let values = shapes.map { Tensor.normal($0, using: generator) }
    func gradients(_ inputs: [Tensor], seed: Tensor?) -> (result: Tensor, all: [Tensor]) {
      let leaves = inputs.map { $0.detached().requiringGradient() }
      let result = forward(leaves)
      let seed = seed ?? Tensor.normal(result.shape, using: generator)
      result.backward(seed.to(result.dtype))
      return (seed, [result] + leaves.map { $0.gradient ?? Tensor.zeros(like: $0) })
    }
    let (seed, expected) = gradients(values.map { $0.to(.float64) }, seed: nil)
    let ordered = values.map { channelsLast && $0.rank == 4 ? $0.channelsLast() : $0 }
    let found = gradients(
      ordered, seed: channelsLast && seed.rank == 4 ? seed.channelsLast() : seed
    )
    .all
    return zip(found, expected).reduce(0) { max($0, difference($1.0, from: $1.1)) }
  }

  /// The greatest difference; infinite where something is not finite. Sums that nearly cancel are compared with
  /// what was summed, which is about 1.
  static func difference(_ found: Tensor, from expected: Tensor) -> Double {
    guard found.isFinite().all().integer() != 0 else { return .infinity }
    let scale = max(1, expected.detached().abs().max().item())
    return (found.detached().to(.float64) - expected.detached()).abs().max().item() / scale
  }

  @Test func convolutions() {
    struct Shape {
      let inputs, outputs, kernel, stride, side, batch: Int
      let channelsLast, isDepthwise: Bool
    }
    var shapes: [Shape] = []
    for kernel in [1, 3] {
      for stride in [1, 2, 3] {
        for inputs in 1...16 {
          for outputs in [1, 3, 6, 8, 16, 17, 32] {
            for side in [1, 2, 3, 4, 5, 7, 8, 9] {
              for batch in [1, 3] {
                for channelsLast in [false, true] {
                  for isDepthwise in [false, true] where !isDepthwise || outputs % inputs == 0 {
                    shapes.append(
                      Shape(
                        inputs: inputs, outputs: outputs, kernel: kernel, stride: stride,
                        side: side, batch: batch, channelsLast: channelsLast,
                        isDepthwise: isDepthwise))
                  }
                }
              }
            }
          }
        }
      }
    }
    for shape in Self.part(shapes, of: 61) {
      let groups = shape.isDepthwise ? shape.inputs : 1
      let error = Self.error(
        [
          [shape.batch, shape.inputs, shape.side, shape.side],
          [shape.outputs, shape.inputs / groups, shape.kernel, shape.kernel], [shape.outputs],
        ], channelsLast: shape.channelsLast
      ) {
        $0[0].convolved(
          with: $0[1], bias: $0[2], stride: shape.stride, padding: shape.kernel / 2,
          groups: groups)
      }
      #expect(error < 1e-5, "\(shape)")
    }
  }

  /// What oneDNN gets wrong on processors without AVX-512, for every number of channels that it concerns.
  @Test(arguments: 1...16) func shortcutsOfAnyNumberOfChannels(inputs: Int) {
    for (outputs, stride) in [(6, 2), (8, 2), (16, 2), (32, 3)] {
      for channelsLast in [false, true] {
        for padding in [0, 1] {
          let error = Self.error(
            [[2, inputs, 8, 8], [outputs, inputs, 1, 1]], channelsLast: channelsLast
          ) { $0[0].convolved(with: $0[1], stride: stride, padding: padding) }
          #expect(error < 1e-5, "\(outputs) outputs, stride \(stride)")
        }
      }
    }
  }

  @Test func aStrideOfOnePixelKernelsTakesEveryOtherPixel() {
    let x = Tensor.range(to: 18).reshaped(1, 2, 3, 3)
    let weight = Tensor([Float(1), 10]).reshaped(1, 2, 1, 1)
    let found = x.convolved(with: weight, stride: 2)
    #expect(found.shape == [1, 1, 2, 2])
    #expect(found.flattened().array(of: Float.self) == [90, 112, 156, 178])
    let padded = x.convolved(with: weight, stride: 2, padding: 1)
    #expect(padded.flattened().array(of: Float.self) == [0, 0, 0, 0, 134, 0, 0, 0, 0])
  }

  @Test func products() {
    var shapes: [(rows: Int, inputs: Int, outputs: Int)] = []
    for rows in [1, 2, 3, 7, 8, 17] {
      for inputs in 1...33 { shapes += [1, 3, 8, 17, 32].map { (rows, inputs, $0) } }
    }
    for shape in Self.part(shapes, of: 13) {
      let error = Self.error(
        [[2, shape.rows, shape.inputs], [shape.outputs, shape.inputs], [shape.outputs]]
      ) { $0[0].linear($0[1], $0[2]) }
      #expect(error < 1e-5, "\(shape)")
      let product = Self.error([[3, shape.rows, shape.inputs], [3, shape.inputs, shape.outputs]]) {
        $0[0].matmul($0[1])
      }
      #expect(product < 1e-5, "\(shape)")
    }
  }

  @Test func norms() {
    for width in Self.part(Array(2...70), of: 5) {
      let layer = Self.error([[3, 5, width], [width], [width]]) {
        $0[0].layerNormalized(weight: $0[1], bias: $0[2], epsilon: 1e-5)
      }
      #expect(layer < 1e-4, "\(width)")
    }
    for channels in Self.part(Array(1...32), of: 3) {
      for (side, channelsLast) in [(1, false), (3, true), (4, false), (7, true)] {
        let shapes = [[4, channels, side, side], [channels], [channels]]
        let batch = Self.error(shapes, channelsLast: channelsLast) {
          $0[0].batchNormalized(
            weight: $0[1], bias: $0[2], runningMean: nil, runningVariance: nil, training: true,
            momentum: 0.1, epsilon: 1e-3)
        }
        #expect(batch < 1e-4, "\(channels) channels of \(side)")
        let groups = channels % 4 == 0 ? 4 : 1
        guard side > 1 else { continue }
        let group = Self.error(shapes, channelsLast: channelsLast) {
          $0[0].groupNormalized(groups: groups, weight: $0[1], bias: $0[2], epsilon: 1e-3)
        }
        #expect(group < 1e-4, "\(channels) channels of \(side) in \(groups)")
      }
    }
  }

  @Test func attention() {
    for tokens in Self.part(Array(1...9) + [16, 33, 64, 130, 200], of: 2) {
      for width in [1, 3, 8, 16, 24] {
        let shape = [2, 2, tokens, width]
        let fused = Self.error([shape, shape, shape]) { $0[0].attending(to: $0[1], $0[2]) }
        #expect(fused < 1e-5, "\(tokens) tokens of \(width)")
        let causal = Self.error([shape, shape, shape]) {
          $0[0].attending(to: $0[1], $0[2], causal: true)
        }
        #expect(causal < 1e-5, "\(tokens) tokens of \(width), causal")
        let written = Self.error([shape, shape, shape]) {
          $0[0].matmul($0[1].transposed()).softmax(-1).matmul($0[2])
        }
        #expect(written < 1e-5, "\(tokens) tokens of \(width), written out")
      }
    }
  }

  @Test func sizes() {
    for side in Self.part(Array(2...17), of: 3) {
      for target in [1, 3, 8, 19] {
        for channelsLast in [false, true] {
          for interpolation in [Interpolation.bilinear, .bicubic] {
            for antialias in [false, true] {
              let error = Self.error([[2, 3, side, side]], channelsLast: channelsLast) {
                $0[0].resized(
                  height: target, width: target, interpolation: interpolation,
                  antialias: antialias)
              }
              #expect(error < 1e-5, "\(side) to \(target), \(interpolation), \(antialias)")
            }
          }
        }
      }
      let pooled = Self.error([[2, 5, side, side]], channelsLast: side % 2 == 0) {
        $0[0].averagePooled(size: 2)
      }
      #expect(pooled < 1e-5, "\(side)")
    }
  }

  @Test func elementsAndLosses() {
    for count in Self.part(Array(1...40), of: 3) {
      let shape = [3, count]
      let operators: [(String, (Tensor) -> Tensor)] = [
        ("gelu", { $0.gelu() }), ("silu", { $0.silu() }), ("relu", { $0.relu() }),
        ("sigmoid", { $0.sigmoid() }), ("tanh", { $0.tanh() }), ("exp", { $0.exp() }),
        ("softmax", { $0.softmax(-1) }), ("logSoftmax", { $0.logSoftmax(-1) }),
        ("logSumExp", { $0.logSumExp(1) }), ("sum", { $0.sum(0) }), ("mean", { $0.mean(1) }),
        ("variance", { $0.variance(0) }), ("norm", { $0.norm(1) }),
        ("sine", { $0.sin() + $0.cos() }),
      ]
      for (name, call) in operators {
        #expect(Self.error([shape], { call($0[0]) }) < 1e-5, "\(name) of \(count)")
      }
      #expect(Self.error([shape, shape]) { $0[0].smoothL1($0[1]) } < 1e-5, "\(count)")
      #expect(Self.error([shape, shape]) { $0[0].meanSquaredError($0[1]) } < 1e-5, "\(count)")
      let labels = Tensor([Int64(0), Int64(count / 2), Int64(count - 1)])
      #expect(Self.error([shape]) { $0[0].crossEntropy(labels) } < 1e-5, "\(count)")
      #expect(Self.error([[count, 7]]) { labels.embedded(in: $0[0]) } < 1e-5, "\(count)")
    }
  }

  /// Blocks as the encoders have them, with the few channels that a small picture's encoder begins with.
  @Test func blocks() throws {
    for width in Self.part(Array(1...16), of: 4) {
      let generator = RandomGenerator(seed: 2)
      let block = ResidualBlock(width, width * 2, stride: 2, using: generator)
      let reference = ResidualBlock(width, width * 2, stride: 2, using: RandomGenerator(seed: 2))
      reference.convert(to: .float64)
      let x = Tensor.normal([4, width, 6, 6], using: generator)
      let leaf = x.channelsLast().clone().requiringGradient()
      let exact = x.to(.float64).requiringGradient()
      let (result, expected) = (block(leaf), reference(exact))
      let seed = Tensor.normal(result.shape, using: generator)
      result.backward(seed)
      expected.backward(seed.to(.float64))
      let pairs =
        [(leaf, exact)] + zip(block.parameters, reference.parameters).map { ($0.tensor, $1.tensor) }
      for (found, expected) in pairs {
        let error = Self.difference(
          try #require(found.gradient), from: try #require(expected.gradient))
        #expect(error < 1e-4, "width \(width), \(found.shape)")
      }
    }
  }
}
