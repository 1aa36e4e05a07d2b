import Files
import Tensors

/// Adapters that are applied together: the sum of their weighted updates, in their order.
///
/// It is what PEFT's `add_weighted_adapter(combination_type="cat")` computes; `"linear"` there is an
/// approximation that multiplies the A of one adapter with the B of another.
///
/// A loader asks for each parameter by its Hugging Face name, whatever its own format calls it, and
/// says at the end which ones it asked for:
///
///     let whole = try adapters.replacement(for: name, shape: [rows, columns])
///     let stored = try whole ?? checkpoint.tensor(name)
///     let update = try adapters.update(for: name, rows: rows, columns: columns)
///     PackedMatrix(outputs: rows, inputs: columns) { row, target in
///       stored.expand(rows: row..<(row + 1), into: target)
///       update?.apply(toRow: row, target)
///     }
///     try adapters.requireUsed(names)
package struct Adapters: Sendable {
  private let adapters: [Adapter]

  /// - Throws: when two adapters cannot be applied together: they store different whole weights for
  ///   one parameter, one stores it and another adds to it, or one gives its row lengths (DoRA),
  ///   which the others' updates would change.
  package init(_ adapters: [Adapter] = []) throws(Problem) {
    self.adapters = adapters
    for (index, adapter) in adapters.enumerated() {
      for other in adapters[..<index] {
        for (parameter, factors) in adapter.factors.sorted(by: { $0.key < $1.key }) {
          let otherFactors = other.factors[parameter]
          let isDoRA = factors.magnitude != nil || otherFactors?.magnitude != nil
          guard otherFactors == nil || !isDoRA, other.replacements[parameter]?.isBase != false
          else {
            throw Self.clash(parameter, adapter, other)
          }
        }
        for (parameter, replacement) in adapter.replacements.sorted(by: { $0.key < $1.key }) {
          let isCopy = other.replacements[parameter].map { other in
            other.isBase && replacement.isBase && other.tensor.shape == replacement.tensor.shape
              && other.tensor.elementType == replacement.tensor.elementType
              && other.tensor.bytes.elementsEqual(replacement.tensor.bytes)
          }
          guard isCopy != false, replacement.isBase || other.factors[parameter] == nil else {
            throw Self.clash(parameter, adapter, other)
          }
        }
      }
    }
  }

  private static func clash(
    _ parameter: String, _ adapter: Adapter, _ other: Adapter
  ) -> Problem {
    Problem(
      .adaptersClash, adapter.path, place: "parameter '\(parameter)'",
      problem: "cannot be combined with the adapter \(other.path): one of the two stores the whole "
        + "weight or its row lengths (DoRA)", remedy: "apply one of the two")
  }

  /// Whether an adapter adds to a parameter or replaces it.
  ///
  /// Embeddings that a model ties to its unembedding must be loaded apart where one of the two is
  /// touched: as PEFT's forward pass has it, an update of either leaves the other alone.
  package func touch(_ parameter: String) -> Bool {
    adapters.contains { $0.factors[parameter] != nil || $0.replacements[parameter] != nil }
  }

  /// What is added to a parameter; nil when nothing is.
  ///
  /// Below it stands `replacement(for:)` where there is one, otherwise the model's own weight.
  ///
  /// - Parameters:
  ///   - parameter: a Hugging Face name, such as `model.layers.0.self_attn.q_proj.weight`.
  ///   - rows: of `[outputs, inputs]`, or of `[tokens, dModel]`.
  /// - Throws: when an adapter is made for another shape, or its values are not finite.
  package func update(
    for parameter: String, rows: Int, columns: Int
  ) throws(Problem) -> AdapterUpdate? {
    var parts: [(left: Matrix, right: Matrix)] = []
    var magnitude: [Float]?
    for adapter in adapters {
      guard let factors = adapter.factors[parameter] else { continue }
      guard factors.left.rows == rows, factors.right.columns == columns else {
        throw Self.mismatch(
          adapter, parameter, [factors.left.rows, factors.right.columns], [rows, columns])
      }
      if let tensor = factors.magnitude { magnitude = try finiteFloats(tensor, adapter.path) }
      var left = try factors.left.matrix(adapter.path)
      let right = try factors.right.matrix(adapter.path)
      // An update that is zero must not even turn a negative zero into a positive one.
      let scale = factors.scale * Double(adapter.weight)
      guard scale != 0 else {
        parts.append((Matrix(rows: rows, columns: 0), Matrix(rows: 0, columns: columns)))
        continue
      }
      for index in left.values.indices {
        left.values[index] = Float(Double(left.values[index]) * scale)
      }
      guard left.values.allSatisfy(\.isFinite) else {
        throw .damaged(
          .notFinite, adapter.path, "parameter '\(parameter)'",
          "its update, scaled by \(scale), overflows")
      }
      parts.append((left, right))
    }
    guard !parts.isEmpty else { return nil }
    return AdapterUpdate(
      left: .joining(parts.map(\.left), rows: rows), right: .concatenating(parts.map(\.right)),
      magnitude: magnitude)
  }

  /// The whole parameter that an adapter stores; nil when none does.
  ///
  /// - Parameters:
  ///   - shape: as the checkpoint stores the parameter.
  ///   - tied: the parameter whose memory this one shares in the model: the copy of the base weight
  ///     that an adapter stores for that one serves for both.
  /// - Throws: when it is stored with another shape, as after the vocabulary was resized.
  package func replacement(
    for parameter: String, shape: [Int], tiedTo tied: String? = nil
  ) throws(Problem) -> StoredTensor? {
    for adapter in adapters {
      let shared = tied.flatMap { adapter.replacements[$0] }.flatMap { $0.isBase ? $0 : nil }
      guard let replacement = adapter.replacements[parameter] ?? shared else { continue }
      guard replacement.tensor.shape == shape else {
        throw Self.mismatch(adapter, parameter, replacement.tensor.shape, shape)
      }
      return replacement.tensor
    }
    return nil
  }

  /// Checks that nothing of the adapters is left over.
  /// - Parameter parameters: the names under which the loader asked for updates and replacements.
  /// - Throws: when an adapter names a parameter that is not among them.
  package func requireUsed(_ parameters: Set<String>) throws(Problem) {
    for adapter in adapters {
      let unused = Set(adapter.factors.keys).union(adapter.replacements.keys)
        .subtracting(parameters)
      guard let first = unused.min() else { continue }
      throw Problem(
        .adapterMismatch, adapter.path, place: "parameter '\(first)'",
        problem: "is not one that this model has"
          + (unused.count > 1
            ? ", nor are \(unused.count - 1) others of the adapter" : ""),
        remedy: "use the adapter with the model that it was trained on")
    }
  }

  private static func mismatch(
    _ adapter: Adapter, _ parameter: String, _ found: [Int], _ expected: [Int]
  ) -> Problem {
    Problem(
      .adapterMismatch, adapter.path, place: "parameter '\(parameter)'",
      problem: "the adapter is made for the shape \(found), and the model has \(expected)",
      remedy: "use the adapter with the model that it was trained on")
  }
}

extension Matrix {
  /// The matrices side by side; all have the same number of rows.
  fileprivate static func joining(_ parts: [Matrix], rows: Int) -> Matrix {
    var values: [Float] = []
    values.reserveCapacity(parts.reduce(0) { $0 + $1.values.count })
    for row in 0..<rows {
      for part in parts { values.append(contentsOf: part[row]) }
    }
    return Matrix(rows: rows, columns: parts.reduce(0) { $0 + $1.columns }, values: values)
  }
}
