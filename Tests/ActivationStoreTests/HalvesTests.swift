import CKernels
import Testing

@Suite struct HalvesTests {
  @Test func everyHalfComesBack() {
    let halves = (UInt16.min...UInt16.max).map { $0 }
    var floats = [Float](repeating: 0, count: halves.count)
    bathyscope_float16_to_float32(halves, &floats, halves.count)
    #if !(os(macOS) && arch(x86_64))
      let wrong = zip(halves, floats).filter { half, float in
        let expected = Float(Float16(bitPattern: half))
        return expected.isNaN ? !float.isNaN : expected.bitPattern != float.bitPattern
      }
      #expect(wrong.isEmpty)
    #endif
    var back = [UInt16](repeating: 0, count: halves.count)
    #expect(bathyscope_float32_to_float16(floats, &back, floats.count) == 0)
    func isNaN(_ half: UInt16) -> Bool { half & 0x7FFF > 0x7C00 }
    #expect(zip(halves, back).allSatisfy { $0 == $1 || (isNaN($0) && isNaN($1)) })
  }

  /// Bit patterns all over the range, with every tie between two neighbours among them.
  private var samples: [Float] {
    var state: UInt32 = 7
    return (0..<200_001).map { index in
      state = state &* 1_664_525 &+ 1_013_904_223
      let masks: [UInt32] = [0xFFFF_F000, 0xFFFF_8000, 0xFFFF_FFFF]
      return Float(bitPattern: state & masks[index % 3])
    } + [65_504, 65_519.996, 65_520, -65_520, 1e-8, 2.98e-8, 2.9802322e-8, 6.1e-5, 0, -0.0]
  }

  @Test func halvesRoundToNearestEven() {
    #if !(os(macOS) && arch(x86_64))
      let floats = samples
      var halves = [UInt16](repeating: 0, count: floats.count)
      let overflows = bathyscope_float32_to_float16(floats, &halves, floats.count)
      #expect(overflows == floats.count { $0.isFinite && Float16($0).isInfinite })
      let wrong = zip(floats, halves).filter { float, half in
        float.isNaN ? !Float16(bitPattern: half).isNaN : Float16(float).bitPattern != half
      }
      #expect(wrong.isEmpty)
    #endif
  }

  @Test func bfloat16RoundsToNearestEven() {
    let floats = samples
    var halves = [UInt16](repeating: 0, count: floats.count)
    bathyscope_float32_to_bfloat16(floats, &halves, floats.count)
    var back = [Float](repeating: 0, count: floats.count)
    bathyscope_bfloat16_to_float32(halves, &back, halves.count)
    for (float, near) in zip(floats, back) {
      if float.isNaN {
        #expect(near.isNaN)
        continue
      }
      let low = Float(bitPattern: float.bitPattern & 0xFFFF_0000)
      let high = Float(bitPattern: (float.bitPattern & 0xFFFF_0000) &+ 0x1_0000)
      let rest = float.bitPattern & 0xFFFF
      let isOdd = float.bitPattern & 0x1_0000 != 0
      let expected = rest > 0x8000 || (rest == 0x8000 && isOdd) ? high : low
      if near.bitPattern != expected.bitPattern {
        Issue.record("\(float) became \(near), not \(expected)")
        return
      }
    }
  }
}
