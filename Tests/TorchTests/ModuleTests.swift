import Foundation
import TestSupport
import Testing
import Torch

@Suite struct ModuleTests {
  let generator = RandomGenerator(seed: 0)

  func block() -> TransformerBlock {
    TransformerBlock(
      width: 8, heads: 2, hidden: 16, depth: 1, names: .huggingFaceViT, using: generator)
  }

  func path() -> String {
    FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID()).safetensors").path
  }

  @Test func stateKeepsPartsAndSharesMemory() {
    let block = block()
    let state = Dictionary(uniqueKeysWithValues: block.state.map { ($0.name, $0.tensor) })
    #expect(state.count == 16)
    let query = state["attention.attention.query.weight"]!
    #expect(query.shape == [8, 8])
    #expect(!query.requiresGradient)
    query.assign(3)
    let fused = block.parameters.first { $0.tensor.shape == [24, 8] }!.tensor
    #expect(fused.slice(0..<8).min().item() == 3)
    #expect(fused.slice(8..<24).max().item() < 1)
    #expect(block.parameterCount == 4 * 72 + 2 * 16 + (16 * 9) + (8 * 17))
  }

  @Test func trainingReachesEveryPart() {
    let block = ResidualBlock(2, 4, stride: 2, using: generator)
    let x = Tensor.normal([4, 2, 4, 4], using: generator)
    let before = block.buffers.map { $0.tensor.clone() }
    let result = block.inferring {
      #expect(!block.isTraining)
      return block(x)
    }
    #expect(!result.requiresGradient)
    #expect(block.isTraining)
    for (old, new) in zip(before, block.buffers) {
      #expect((old - new.tensor).abs().max().item() == 0, "\(new.name)")
    }
    _ = block(x)
    #expect((before[0] - block.buffers[0].tensor).abs().max().item() > 0)
  }

  @Test func copiesAndFreezes() {
    let (first, second) = (block(), block())
    second.copyState(from: first)
    for (mine, theirs) in zip(first.state, second.state) {
      #expect(!mine.tensor.sharesMemory(with: theirs.tensor))
      #expect((mine.tensor - theirs.tensor).abs().max().item() == 0)
    }
    second.requireGradients(false)
    #expect(!second(Tensor.zeros([1, 2, 8])).requiresGradient)
  }

  @Test func convertsInPlace() {
    let layer = BatchNorm(3)
    let (weight, mean) = (layer.weight, layer.runningMean)
    layer.convert(to: .float64)
    #expect(weight.dtype == .float64 && mean.dtype == .float64)
    #expect(weight.requiresGradient)
    layer(Tensor.normal([4, 3], using: generator, dtype: .float64)).sum().backward()
    #expect(layer.bias.gradient?.dtype == .float64)
  }

  @Test func convertsOnlyWhatProductsTake() {
    let block = block()
    let x = Tensor.normal([2, 3, 8], using: generator)
    func output() -> Tensor {
      block.inferring { withAutocast(to: .bfloat16, on: .cpu) { block(x) } }
    }
    let before = output()
    block.convertProductWeights(to: .bfloat16)
    for (name, tensor) in block.parameters {
      #expect(tensor.dtype == (tensor.rank == 2 ? .bfloat16 : .float32), "\(name)")
    }
    #expect((output() .== before).all().integer() == 1)
  }

  /// Few tokens go through products of matrices, many through the fused operator; how few depends on the type.
  @Test(arguments: [64, 200, 700], [false, true])
  func attentionInBfloat16IsNear(tokens: Int, isMasked: Bool) {
    let layer = Attention(width: 16, heads: 2, using: generator)
    withoutGradient {
      for (_, tensor) in layer.parameters where tensor.rank == 2 {
        tensor.assign(Tensor.normal(tensor.shape, using: generator) * 0.5)
      }
    }
    let x = Tensor.normal([2, tokens, 16], using: generator)
    let mask = isMasked ? Tensor.ones([tokens, tokens]).upperTriangle() .> 0 : nil
    let exact = layer.inferring { layer(x, mask: mask) }
    let near = layer.inferring { withAutocast(to: .bfloat16, on: .cpu) { layer(x, mask: mask) } }
    #expect(near.dtype == .bfloat16)
    #expect(relativeDifference(near.to(.float32), from: exact) < 0.03)
  }

  // MARK: Files

  @Test func everyTypeSurvivesAFile() throws {
    let path = path()
    defer { unlink(path) }
    let values = Tensor([0, 1, 2.5, 100] as [Float], shape: [2, 2])
    let written = DType.allCases.map { (name: "\($0)", tensor: values.to($0)) }
    // Strided memory is written in row-major order.
    let strided = (name: "strided", tensor: values.transposed())
    try SafetensorsWriter.write(written + [strided], metadata: ["a": "b"], to: path)
    let file = try SafetensorsFile(path: path)
    #expect(file.metadata == ["a": "b"])
    for (name, tensor) in written {
      let read = try file.tensor(name)
      #expect(read.dtype == tensor.dtype && read.shape == [2, 2])
      #expect(relativeDifference(read, from: tensor) == 0, "\(name)")
    }
    #expect(try file.tensor("strided").array(of: Float.self) == [0, 2.5, 1, 100])
  }

  @Test func refusesTypesThatTensorsDoNotHave() throws {
    let file = try SafetensorsFile(path: Fixtures.path("safetensors/reference.safetensors"))
    #expect(
      throws: SafetensorsError.unsupportedDType(path: file.path, tensor: "int16", found: "I16")
    ) { try file.tensor("int16") }
  }

  @Test func loadsWhatItSaved() throws {
    let path = path()
    defer { unlink(path) }
    let (saved, loaded) = (block(), block())
    let state = saved.state.map { (name: "model.\($0.name)", tensor: $0.tensor) }
    let other = (name: "model.pooler", tensor: Tensor.zeros([1]))
    let elsewhere = (name: "head.weight", tensor: Tensor.zeros([1]))
    try SafetensorsWriter.write(state + [other, elsewhere], to: path)
    try loaded.loadState(
      from: SafetensorsFile(path: path), prefix: "model.", ignoring: ["pooler"])
    let x = Tensor.normal([1, 3, 8], using: generator)
    #expect((saved(x) - loaded(x)).abs().max().item() == 0)
  }

  @Test func namesEverythingThatDoesNotMatch() throws {
    let path = path()
    defer { unlink(path) }
    let layer = Linear(2, 3, using: generator)
    try SafetensorsWriter.write(
      [
        (name: "weight", tensor: Tensor.zeros([3, 1])), (name: "scale", tensor: Tensor.zeros([3])),
      ],
      to: path)
    let before = layer.weight.array(of: Float.self)
    #expect(
      throws: TorchError.stateMismatch(
        path: path, missing: ["bias"], unexpected: ["scale"],
        misshapen: ["weight (expected [3, 2], found [3, 1])"])
    ) { try layer.loadState(from: SafetensorsFile(path: path)) }
    #expect(layer.weight.array(of: Float.self) == before)
  }
}
