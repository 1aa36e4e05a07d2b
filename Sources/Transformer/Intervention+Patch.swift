import Files
import Prompts
import Tensors

extension Intervention {
  /// Puts rows in place of activations: row i at the i-th of the tokens that the positions mean.
  ///
  /// A sequence that has more or fewer such tokens than there are rows is refused.
  public static func patch(
    _ hook: HookPoint, with rows: Matrix, at positions: Positions
  ) -> Intervention {
    Intervention(.patch(rows: rows), at: [hook], positions: positions)
  }

  /// Puts rows in place of query heads' outputs: row i at the i-th of the tokens that the positions mean.
  /// - Parameter norm: scales all heads afterwards, so that they keep their norm.
  public static func patch(
    heads: [HeadRows], keepingNorm norm: NormKeeping = .none, at positions: Positions
  ) -> Intervention {
    Intervention(
      .patchHeads(heads), at: hooks(of: heads.map(\.layer)), positions: positions,
      keepingNorm: norm)
  }

  /// Puts what was read at a hook in another run in place of activations, token by token.
  ///
  ///     let other = try model.run(pair, capturing: [.residual(after: 3)])
  ///     .patch(.residual(after: 3), from: other.sequences[0], tokens: [4, 5], onto: [6, 7])
  ///
  /// - Parameters:
  ///   - tokens: tokens of the other sequence, at each of which the hook was read.
  ///   - targets: the token that each of them is put at; ascending.
  /// - Throws: when the hook was not read there, or the tokens do not pair up.
  public static func patch(
    _ hook: HookPoint, from source: SequenceCapture, tokens: [Int], onto targets: [Int]
  ) throws(Problem) -> Intervention {
    patch(
      hook, with: try source.rows(of: hook, at: tokens, onto: targets), at: .tokens(targets))
  }

  /// Puts query heads' outputs of another run, read at their `hook_z`, in place of their own.
  ///
  ///     .patch(heads: [Head(layer: 7, head: 3)], from: other.sequences[0], in: model.shape,
  ///       tokens: [4, 5], onto: [6, 7])
  ///
  /// - Parameters:
  ///   - tokens: tokens of the other sequence, at each of which the heads were read.
  ///   - targets: the token that each of them is put at; ascending.
  /// - Throws: when the heads were not read there, or the tokens do not pair up.
  public static func patch(
    heads: [Head], from source: SequenceCapture, in shape: ModelShape, tokens: [Int],
    onto targets: [Int], keepingNorm norm: NormKeeping = .none
  ) throws(Problem) -> Intervention {
    var rows: [HeadRows] = []
    for head in heads {
      guard (0..<shape.heads).contains(head.head) else {
        throw Problem(
          .misalignedPatch, "patch", place: "\(head)", problem: "the model has no such head",
          remedy: "name query heads 0 to \(shape.heads - 1)")
      }
      let layer = try source.rows(
        of: .headOutput(layer: head.layer), at: tokens, onto: targets)
      let start = head.head * shape.dHead
      rows.append(HeadRows(head, rows: layer.columns(start..<(start + shape.dHead))))
    }
    return patch(heads: rows, keepingNorm: norm, at: .tokens(targets))
  }
}

extension SequenceCapture {
  fileprivate func rows(
    of hook: HookPoint, at tokens: [Int], onto targets: [Int]
  ) throws(Problem) -> Matrix {
    guard let values = values[hook], let positions = positions[hook] else {
      throw Problem(
        .misalignedPatch, "patch", place: "\(hook)", problem: "was not read in the other run",
        remedy: "capture it there")
    }
    guard tokens.count == targets.count, !targets.isEmpty,
      zip(targets, targets.dropFirst()).allSatisfy({ $0 < $1 }), targets[0] >= 0
    else {
      throw Problem(
        .misalignedPatch, "patch", place: "\(hook)",
        problem: "takes \(tokens.count) tokens onto \(targets.count), which have to ascend",
        remedy: "name one token of the other run for each token that is patched")
    }
    let places = Dictionary(uniqueKeysWithValues: zip(positions, 0...))
    var rows: [Int] = []
    for token in tokens {
      guard let row = places[token] else {
        throw Problem(
          .misalignedPatch, "patch", place: "\(hook)",
          problem: "was not read at token \(token) of the other run", remedy: "capture it there")
      }
      rows.append(row)
    }
    return values.picking(rows)
  }
}

extension Positions {
  /// Tokens by their numbers.
  public static func tokens(_ tokens: [Int]) -> Positions {
    tokens.count == 1 ? .index(tokens[0]) : .union(tokens.map(Positions.index))
  }
}
