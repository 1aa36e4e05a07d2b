import CKernels

// The field's names have underscores.
// swift-format-ignore: AlwaysUseLowerCamelCase
/// How the elements of a stored tensor are encoded.
///
/// The names are those of safetensors and of GGML. The quantised types store blocks of `blockSize`
/// elements that share scales; a row must hold a whole number of blocks.
public enum ElementType: String, Codable, Sendable, CaseIterable {
  case float32 = "F32"
  case float16 = "F16"
  case bfloat16 = "BF16"
  case q4_0 = "Q4_0"
  case q4_1 = "Q4_1"
  case q5_0 = "Q5_0"
  case q5_1 = "Q5_1"
  case q8_0 = "Q8_0"
  case q2_K = "Q2_K"
  case q3_K = "Q3_K"
  case q4_K = "Q4_K"
  case q5_K = "Q5_K"
  case q6_K = "Q6_K"

  /// The number of elements that are encoded together; 1 for the plain types.
  public var blockSize: Int {
    switch self {
    case .float32, .float16, .bfloat16: 1
    case .q4_0, .q4_1, .q5_0, .q5_1, .q8_0: 32
    case .q2_K, .q3_K, .q4_K, .q5_K, .q6_K: 256
    }
  }

  /// The number of bytes that one block takes.
  public var bytesPerBlock: Int {
    switch self {
    case .float32: 4
    case .float16, .bfloat16: 2
    case .q4_0: 18
    case .q4_1: 20
    case .q5_0: 22
    case .q5_1: 24
    case .q8_0: 34
    case .q2_K: 84
    case .q3_K: 110
    case .q4_K: 144
    case .q5_K: 176
    case .q6_K: 210
    }
  }

  /// The bytes that `elements` take, nil when they do not fill whole blocks or the number overflows.
  package func byteCount(elements: Int) -> Int? {
    guard elements >= 0, elements % blockSize == 0 else { return nil }
    let (bytes, overflow) = (elements / blockSize).multipliedReportingOverflow(by: bytesPerBlock)
    return overflow ? nil : bytes
  }

  /// Turns `count` elements, a whole number of blocks, into floats.
  ///
  /// The source may stand at any address. The same bytes give the same bits on every machine.
  package func expand(
    _ source: UnsafeRawPointer, count: Int, into target: UnsafeMutablePointer<Float>
  ) {
    precondition(count >= 0 && count % blockSize == 0, "\(rawValue) is expanded in whole blocks")
    switch self {
    case .float32: UnsafeMutableRawPointer(target).copyMemory(from: source, byteCount: 4 * count)
    case .float16: bathyscope_expand_f16(source, count, target)
    case .bfloat16: bathyscope_expand_bf16(source, count, target)
    case .q4_0: bathyscope_expand_q4_0(source, count, target)
    case .q4_1: bathyscope_expand_q4_1(source, count, target)
    case .q5_0: bathyscope_expand_q5_0(source, count, target)
    case .q5_1: bathyscope_expand_q5_1(source, count, target)
    case .q8_0: bathyscope_expand_q8_0(source, count, target)
    case .q2_K: bathyscope_expand_q2_k(source, count, target)
    case .q3_K: bathyscope_expand_q3_k(source, count, target)
    case .q4_K: bathyscope_expand_q4_k(source, count, target)
    case .q5_K: bathyscope_expand_q5_k(source, count, target)
    case .q6_K: bathyscope_expand_q6_k(source, count, target)
    }
  }
}
