import Files
import Tensors
import Testing

@testable import Checkpoints

@Suite struct ElementTypeTests {
  static let quantized = ElementType.allCases.filter { $0.blockSize > 1 }

  /// Expected values: `gguf.quants.dequantize` of the gguf package.
  @Test(arguments: quantized)
  func expandsLikeTheGGUFPackage(type: ElementType) throws {
    let block = try #require(try golden("blocks.json")[type.rawValue])
    let count = try #require(block["elements"]?.int)
    let stored = try #require(block["stored"]).hexadecimal
    let expected = floats(try #require(block["expanded"]).hexadecimal)
    #expect(type.byteCount(elements: count) == stored.count)
    #expect(expected.count == count)
    // All alignments of the source.
    for shift in 0..<4 {
      #expect(
        expand(type, stored, count, shift: shift).map(\.bitPattern) == expected.map(\.bitPattern))
    }
  }

  @Test(arguments: [ElementType.float16, .bfloat16])
  func expandsEveryPatternLikeNumPy(type: ElementType) throws {
    let limit: UInt16 = type == .float16 ? 0x7C00 : 0x7F80
    let patterns = (0...UInt16.max).map { $0 & 0x7FFF > limit ? 0 : $0 }
    let values = expand(type, patterns.flatMap(littleEndian), patterns.count)
    let expected = try golden("blocks.json")[type.rawValue]?["sha256OfAllPatterns"]?.text
    #expect(Digest.sha256(values.flatMap { littleEndian($0.bitPattern) }) == expected)
  }

  @Test func keepsNaNsNaN() {
    for pattern in [0x7C01, 0x7E00, 0xFFFF] as [UInt16] {
      #expect(expand(.float16, littleEndian(pattern), 1)[0].isNaN)
    }
    #expect(expand(.bfloat16, littleEndian(0x7FC0 as UInt16), 1)[0].isNaN)
    let signalling = Float(bitPattern: 0x7F80_0001)
    #expect(expand(.float32, littleEndian(signalling.bitPattern), 1)[0].bitPattern == 0x7F80_0001)
  }

  @Test(arguments: ElementType.allCases)
  func agreesWithTheScalarReference(type: ElementType) {
    var random = SplitMix64(state: 42)
    for blocks in [0, 1, 2, 3, 7] {
      let count = blocks * type.blockSize
      let stored = (0..<(blocks * type.bytesPerBlock)).map { _ in
        // No exponent of all ones, wherever a half may stand.
        UInt8.random(in: 0...255, using: &random) & 0xBB
      }
      let values = expand(type, stored, count, shift: 1)
      let expected = (0..<count).map { index in
        let start = index / type.blockSize * type.bytesPerBlock
        return scalarReference(
          type, Array(stored[start..<(start + type.bytesPerBlock)]), index % type.blockSize)
      }
      #expect(values.map(\.bitPattern) == expected.map(\.bitPattern))
    }
  }

  @Test func sizesAreCheckedWithoutOverflow() {
    #expect(ElementType.q4_1.byteCount(elements: 64) == 40)
    #expect(ElementType.q4_1.byteCount(elements: 65) == nil)
    #expect(ElementType.q6_K.byteCount(elements: 0) == 0)
    #expect(ElementType.float32.byteCount(elements: .max) == nil)
    #expect(ElementType.float32.byteCount(elements: -4) == nil)
  }

  private func expand(
    _ type: ElementType, _ bytes: [UInt8], _ count: Int, shift: Int = 0
  ) -> [Float] {
    let shifted = [UInt8](repeating: 0xFF, count: shift) + bytes
    return shifted.withUnsafeBytes { source in
      [Float](unsafeUninitializedCapacity: count) { target, filled in
        filled = count
        guard let start = source.baseAddress, let target = target.baseAddress else { return }
        type.expand(start + shift, count: count, into: target)
      }
    }
  }
}

/// One element of one block, computed on its own, from the description of the format.
private func scalarReference(_ type: ElementType, _ block: [UInt8], _ index: Int) -> Float {
  func word(_ place: Int) -> UInt16 { UInt16(block[place]) | UInt16(block[place + 1]) << 8 }
  func bits(_ place: Int, _ shift: Int, _ width: Int) -> Int {
    Int(block[place]) >> shift & (1 << width - 1)
  }
  func signed(_ place: Int) -> Float { Float(Int8(bitPattern: block[place])) }
  func half(_ place: Int) -> Float { halfValue(word(place)) }
  // Blocks of 32: the nibble and the fifth bit of an element.
  let nibble = (place: index % 16, shift: index / 16 * 4)
  func fifth(_ place: Int) -> Int { bits(place + index / 8, index % 8, 1) << 4 }
  // Super-blocks: scale and minimum of 6 bits.
  func sixBits(_ place: Int) -> (scale: Float, minimum: Float) {
    let group = index / 32
    if group < 4 { return (Float(bits(place + group, 0, 6)), Float(bits(place + group + 4, 0, 6))) }
    let (low, high) = (bits(place + group + 4, 0, 4), bits(place + group + 4, 4, 4))
    return (
      Float(low + bits(place + group - 4, 6, 2) << 4), Float(high + bits(place + group, 6, 2) << 4)
    )
  }
  let quarter = (place: index / 128 * 32 + index % 32, shift: index % 128 / 32 * 2)
  let group = index / 16
  switch type {
  case .float32: return Float(bitPattern: UInt32(word(0)) | UInt32(word(2)) << 16)
  case .float16: return half(0)
  case .bfloat16: return Float(bitPattern: UInt32(word(0)) << 16)
  case .q4_0: return half(0) * Float(bits(2 + nibble.place, nibble.shift, 4) - 8)
  case .q4_1: return half(0) * Float(bits(4 + nibble.place, nibble.shift, 4)) + half(2)
  case .q5_0: return half(0) * Float(bits(6 + nibble.place, nibble.shift, 4) + fifth(2) - 16)
  case .q5_1: return half(0) * Float(bits(8 + nibble.place, nibble.shift, 4) + fifth(4)) + half(2)
  case .q8_0: return half(0) * signed(2 + index)
  case .q2_K:
    let (scale, minimum) = (
      half(80) * Float(bits(group, 0, 4)), half(82) * Float(bits(group, 4, 4))
    )
    return scale * Float(bits(16 + quarter.place, quarter.shift, 2)) - minimum
  case .q3_K:
    let low = bits(96 + group % 8, group / 8 * 4, 4)
    let scale = half(108) * Float(low + bits(104 + group % 4, group / 4 * 2, 2) << 4 - 32)
    let offset = bits(index % 32, index / 32, 1) == 1 ? 0 : 4
    return scale * Float(bits(32 + quarter.place, quarter.shift, 2) - offset)
  case .q4_K:
    let (scale, minimum) = (half(0) * sixBits(4).scale, half(2) * sixBits(4).minimum)
    return scale * Float(bits(16 + index / 64 * 32 + index % 32, index / 32 % 2 * 4, 4)) - minimum
  case .q5_K:
    let (scale, minimum) = (half(0) * sixBits(4).scale, half(2) * sixBits(4).minimum)
    let low = bits(48 + index / 64 * 32 + index % 32, index / 32 % 2 * 4, 4)
    return scale * Float(low + bits(16 + index % 32, index / 32, 1) << 4) - minimum
  case .q6_K:
    let low = bits(index / 128 * 64 + index % 64, index % 128 / 64 * 4, 4)
    let high = bits(128 + quarter.place, quarter.shift, 2)
    return half(208) * signed(192 + group) * Float(low + high << 4 - 32)
  }
}

private func halfValue(_ bits: UInt16) -> Float {
  let (exponent, fraction) = (Int(bits >> 10 & 31), Float(bits & 1023))
  let magnitude =
    exponent == 0
    ? fraction * Float(sign: .plus, exponent: -24, significand: 1)
    : (fraction + 1024) * Float(sign: .plus, exponent: exponent - 25, significand: 1)
  return bits >> 15 == 1 ? -magnitude : magnitude
}
