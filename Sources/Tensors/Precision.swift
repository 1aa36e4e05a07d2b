/// The arithmetic of the forward pass's matrix products; everything else is computed in 32-bit floats.
///
/// In each of them a row of a result depends on its own row of activations alone, so a prompt's
/// numbers are the same bits in any batch and on any number of threads.
public enum Precision: String, Sendable, Codable, CaseIterable {
  /// 32-bit weights, activations and sums.
  case float32
  /// Weights and activations rounded to bfloat16, sums in 32-bit floats.
  ///
  /// Half the memory, and twice as fast where the processor multiplies pairs of bfloat16; each product
  /// is off by up to 2^-8, a hidden state by some thousandths after thirty layers.
  case bfloat16
  /// Weights rounded to bfloat16, activations as exact as two bfloat16 parts, sums in 32-bit floats.
  ///
  /// Hardware that multiplies bfloat16 only splits an activation into a high and a low part of
  /// 8 bits each. Here the whole 32-bit activation meets the widened weight instead, which is at least
  /// as exact: with a checkpoint that is stored as bfloat16 the results are the bits of `float32`, from
  /// half the memory.
  case bfloat16x2
}
