/// The arithmetic of the forward pass.
public enum Precision: String, Sendable, Codable, CaseIterable {
  /// 32-bit weights, activations and products.
  case float32
}
