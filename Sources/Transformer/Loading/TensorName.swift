/// A tensor's name in either format, without `.weight` or `.bias`.
struct TensorName: Sendable {
  var huggingFace: String
  var gguf: String

  init(_ huggingFace: String, _ gguf: String) {
    (self.huggingFace, self.gguf) = (huggingFace, gguf)
  }
}

/// The names of what is not in a block, and how those of blocks begin.
struct NetworkNames: Sendable {
  var embedding = TensorName("model.embed_tokens", "token_embd")
  var finalNorm = TensorName("model.norm", "output_norm")
  var unembedding = TensorName("lm_head", "output")
  /// What stands before a block's number in Hugging Face's names.
  var blocks = "model.layers"
}

/// How a norm's gain is stored and what kind of norm it is.
enum NormStyle: Sendable {
  case rms(epsilon: Float)
  /// Hugging Face stores Gemma's gains less 1.
  case rmsOfGainLessOne(epsilon: Float)
  case layer(epsilon: Float)
}

/// Which stored rows a weight is made of, where it is not all of them in order.
struct StoredRows: Sendable {
  /// How many rows the tensor has.
  var total: Int
  /// The stored row of each row.
  var order: @Sendable (Int) -> Int

  /// A part of a tensor that holds several weights.
  static func slice(_ range: Range<Int>, of total: Int) -> StoredRows {
    StoredRows(total: total) { range.lowerBound + $0 }
  }

  /// GGUF stores the rows of Llama's queries and keys for rotation of neighbours; this engine, like
  /// Hugging Face, rotates halves. Row `half * (dHead / 2) + i` of a head is stored at `2 * i + half`.
  static func neighboursAsHalves(heads: Int, dHead: Int) -> StoredRows {
    StoredRows(total: heads * dHead) { row in
      let (head, inside) = row.quotientAndRemainder(dividingBy: dHead)
      let (half, index) = inside.quotientAndRemainder(dividingBy: dHead / 2)
      return head * dHead + 2 * index + half
    }
  }
}
