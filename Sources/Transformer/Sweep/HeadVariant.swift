import Prompts
import Tensors

/// What is done to one query head's output z at the touched tokens of a sequence.
package enum HeadChange: Sendable, Equatable {
  case scale(Float)
  /// These `[dHead]` values at every token.
  case replace([Float])
  /// A row for each touched token, `[touched tokens, dHead]`.
  case rows(Matrix)
  /// The mean of the values that the head sees, which is what it puts out when its query is scaled to
  /// zero (Zhou et al., arXiv 2410.13708).
  case uniformAttention
}

/// How the heads of a token are scaled after a change so that they keep their norm (arXiv 2510.06036).
package enum NormKeeping: String, Sendable, Codable {
  case none
  /// |z| / |z'| of each token.
  case token
  /// One factor for all touched tokens of a sequence.
  case sequence
}

/// One head with one change: a forward pass that differs from the clean one in a single head.
package struct HeadVariant: Sendable, Equatable {
  package var head: Int
  package var change: HeadChange
  package var keeping: NormKeeping

  package init(head: Int, change: HeadChange, keeping: NormKeeping = .none) {
    (self.head, self.change, self.keeping) = (head, change, keeping)
  }
}

/// What a variant is read by: the residual stream at the last token, and logits there.
package struct HeadReadout: Sendable, Equatable {
  package enum Logits: Sendable, Equatable {
    case none
    case tokens([Int32])
    case all
  }
  /// The residual stream behind a block, or the final norm's output.
  package var hook: HookPoint
  /// Only behind the final norm.
  package var logits: Logits

  package init(_ hook: HookPoint, logits: Logits = .none) {
    (self.hook, self.logits) = (hook, logits)
  }

  /// The block behind which it reads; nil where heads cannot be read at such a hook.
  package func lastLayer(_ shape: ModelShape) -> Int? {
    switch (hook.site, hook.layer) {
    case (.finalNorm, _): shape.layers - 1
    case (.residualAfter, let layer?) where logits == .none: layer
    case (.residualBefore, let layer?) where logits == .none && layer > 0: layer - 1
    default: nil
    }
  }
}

/// What was read of a variant, or of the clean run, at the last token.
package struct HeadReading: Sendable, Equatable {
  /// The activations at the readout's hook, `[dModel]`.
  package var state: [Float]
  /// Those that were asked for, in that order.
  package var logits: [Float]
  /// The squared Euclidean norm of the change of z over all touched tokens: proof of effect.
  package var changeSquared: Double

  package init(state: [Float], logits: [Float], changeSquared: Double) {
    (self.state, self.logits, self.changeSquared) = (state, logits, changeSquared)
  }
}

/// One sequence of a sweep; it ends with the token that is read.
package struct SweepPrompt: Sendable, Equatable {
  package var sequence: TokenSequence
  /// The tokens whose heads are changed.
  package var touched: Positions

  package init(_ sequence: TokenSequence, touched: Positions) {
    (self.sequence, self.touched) = (sequence, touched)
  }
}

extension HeadVariant {
  /// Changes rows of z, `[rows, H * dHead]`; returns the squared norm of the change.
  /// - Parameters:
  ///   - tokens: the token of each row.
  ///   - touched: all touched tokens of the sequence, ascending.
  ///   - uniform: z of uniform attention for all tokens, where that is the change.
  func apply(
    to z: CPUActivations, rows: Range<Int>, tokens: Range<Int>, touched: [Int], dHead: Int,
    uniform: Matrix?
  ) -> Double {
    let start = head * dHead
    let columns = start..<(start + dHead)
    let width = z.columns
    var (changeSquared, before, after) = (0.0, 0.0, 0.0)
    var changed: [(row: UnsafeMutablePointer<Float>, old: [Float])] = []
    for (place, token) in touched.enumerated() where tokens.contains(token) {
      let row = z.row(rows.lowerBound + token - tokens.lowerBound)
      let old = Array(UnsafeBufferPointer(start: row, count: width))
      let rowBefore = keeping == .none ? 0 : squares(row, width)
      prepared(columns, place: place, token: token, uniform).apply(to: row, count: width)
      if keeping != .none {
        let rowAfter = squares(row, width)
        if keeping == .token, rowAfter > 0 {
          let back = Float((rowBefore / rowAfter).squareRoot())
          for column in 0..<width { row[column] *= back }
        }
        (before, after) = (before + rowBefore, after + rowAfter)
        changed.append((row, old))
      }
      // One factor for the sequence is known at its end.
      guard keeping != .sequence else { continue }
      for column in keeping == .none ? columns : 0..<width {
        let difference = Double(row[column]) - Double(old[column])
        changeSquared += difference * difference
      }
    }
    guard keeping == .sequence else { return changeSquared }
    let back = after > 0 ? Float((before / after).squareRoot()) : 1
    for (row, old) in changed {
      for column in 0..<width {
        row[column] *= back
        let difference = Double(row[column]) - Double(old[column])
        changeSquared += difference * difference
      }
    }
    return changeSquared
  }

  private func prepared(
    _ columns: Range<Int>, place: Int, token: Int, _ uniform: Matrix?
  ) -> PreparedChange {
    switch change {
    case .scale(let factor): factor == 1 ? .identity : .scale([columns], factor: factor)
    case .replace(let vector): .overwrite([(columns.lowerBound, vector)])
    case .rows(let rows): .overwrite([(columns.lowerBound, Array(rows[place]))])
    case .uniformAttention:
      uniform.map {
        let values = $0[token].dropFirst(columns.lowerBound).prefix(columns.count)
        return .overwrite([(columns.lowerBound, Array(values))])
      } ?? .identity
    }
  }
}
