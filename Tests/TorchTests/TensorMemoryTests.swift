import TestSupport
import Testing
import Torch

@Suite struct TensorMemoryTests {
  final class Owner: @unchecked Sendable {
    let memory: UnsafeMutableBufferPointer<Float>
    let onRelease: () -> Void

    init(_ values: [Float], onRelease: @escaping () -> Void = {}) {
      memory = .allocate(capacity: values.count)
      _ = memory.initialize(from: values)
      self.onRelease = onRelease
    }

    deinit {
      memory.deallocate()
      onRelease()
    }
  }

  func roundtrip<Element: TensorElement & Equatable>(_ values: [Element], _ dtype: DType) {
    let tensor = Tensor(values, shape: [1, values.count])
    #expect(tensor.dtype == dtype)
    #expect(tensor.shape == [1, values.count])
    #expect(tensor.array(of: Element.self) == values)
  }

  @Test func holdsEverySwiftType() {
    roundtrip([1.5, -.infinity, 3e38] as [Float], .float32)
    roundtrip([1e-300, 2] as [Double], .float64)
    roundtrip([.min, .max] as [Int64], .int64)
    roundtrip([.min, .max] as [Int32], .int32)
    roundtrip([0, 255] as [UInt8], .uint8)
    roundtrip([true, false] as [Bool], .bool)
    roundtrip([] as [Float], .float32)
  }

  @Test func convertsBetweenTypes() {
    let values: [Float] = [0, 1.5, -2.25, 1024]
    for dtype in DType.allCases where dtype.isFloatingPoint {
      let converted = Tensor(values).to(dtype)
      #expect(converted.dtype == dtype)
      #expect(converted.to(.float32).array(of: Float.self) == values, "\(dtype)")
    }
    #expect(Tensor(values).to(.int64).array(of: Int64.self) == [0, 1, -2, 1024])
    #expect(Tensor(values).to(.bool).array(of: Bool.self) == [false, true, true, true])
    let same = Tensor(values)
    #expect(same.to(.float32).sharesMemory(with: same))
  }

  @Test func viewsSwiftMemoryWithoutACopy() {
    var released = 0
    do {
      let owner = Owner([1, 2, 3, 4, 5, 6]) { released += 1 }
      let memory = owner.memory
      let tensor = Tensor.view(of: memory, shape: [2, 3], keepingAlive: owner)
      memory[4] = 50
      #expect(tensor[1].array(of: Float.self) == [4, 50, 6])
      tensor.assign(7)
      #expect(memory[0] == 7)
    }
    #expect(released == 1)
  }

  @Test func keepsTheOwnerWhileAnyViewLives() {
    var released = false
    func lastColumn() -> Tensor {
      let owner = Owner([1, 2, 3, 4]) { released = true }
      return Tensor.view(of: owner.memory, shape: [2, 2], keepingAlive: owner)
        .slice(1..<2, along: 1)
    }
    var column: Tensor? = lastColumn()
    #expect(!released)
    #expect(column!.array(of: Float.self) == [2, 4])
    column = nil
    #expect(released)
  }

  @Test func lendsStridedMemoryInRowMajorOrder() {
    let matrix = Tensor([1, 2, 3, 4, 5, 6] as [Float], shape: [2, 3])
    let transposed = matrix.transposed()
    #expect(transposed.sharesMemory(with: matrix))
    #expect(!transposed.isContiguous)
    #expect(transposed.strides == [1, 3])
    #expect(transposed.array(of: Float.self) == [1, 4, 2, 5, 3, 6])
    #expect(matrix.channelsLastRoundTrip == matrix.array(of: Float.self))
  }

  @Test func changesInPlaceWhatOthersSee() {
    let whole = Tensor.zeros([3, 2])
    let row = whole[1]
    row.accumulate(Tensor([1, 2] as [Float]), scale: 2)
    row.scale(by: 0.5)
    #expect(whole.array(of: Float.self) == [0, 0, 1, 2, 0, 0])
    let copy = whole.clone()
    row.move(towards: Tensor([3, 2] as [Float]), weight: 0.5)
    #expect(whole.array(of: Float.self) == [0, 0, 2, 2, 0, 0])
    #expect(copy.array(of: Float.self) == [0, 0, 1, 2, 0, 0])
    whole.assign(Tensor([9] as [Int64]).to(.int32))
    #expect(whole.array(of: Float.self) == Array(repeating: 9, count: 6))
  }

  @Test func refusesMemoryThatDoesNotFit() async {
    await #expect(processExitsWith: .failure) { _ = Tensor([1, 2, 3] as [Float], shape: [2, 2]) }
    await #expect(processExitsWith: .failure) {
      let owner = Owner([1, 2, 3])
      _ = Tensor.view(of: owner.memory, shape: [2, 2], keepingAlive: owner)
    }
    await #expect(processExitsWith: .failure) { _ = Tensor.zeros([2]).array(of: Double.self) }
  }
}

extension Tensor {
  fileprivate var channelsLastRoundTrip: [Float] {
    reshaped(1, 1, size(0), size(1)).channelsLast().contiguous().array()
  }
}
