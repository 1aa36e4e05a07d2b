import Checkpoints
import Tensors

/// The Llama family (Touvron et al., arXiv 2302.13971): RMS norms before attention and MLP, rotary
/// embedding, grouped query heads, a gated MLP with SiLU.
///
/// T tokens of a ragged tile, d = dModel, H query heads and G key/value heads of width dHead.
struct Llama<Device: Backend>: Architecture {
  struct Block: Sendable {
    var attentionNorm: [Float]  // [d]
    var query: Linear<Device.Weight>  // [H * dHead, d]
    var key: Linear<Device.Weight>  // [G * dHead, d]
    var value: Linear<Device.Weight>  // [G * dHead, d]
    var output: Linear<Device.Weight>  // [d, H * dHead]
    var mlpNorm: [Float]  // [d]
    var gate: Linear<Device.Weight>  // [dMLP, d]
    var up: Linear<Device.Weight>  // [dMLP, d]
    var down: Linear<Device.Weight>  // [d, dMLP]
  }

  let configuration: LlamaConfiguration
  let device: Device
  let embedding: Device.Weight  // [dVocabulary, d]
  let blocks: [Block]
  let finalNorm: [Float]  // [d]
  let unembedding: Linear<Device.Weight>  // [dVocabulary, d]
  let warnings: [String]

  var shape: ModelShape { configuration.shape }
  var kernel: String { device.description }

  /// The activations of one tile.
  struct Workspace {
    let residual, normed, attentionOut, mlpOut: Device.Activations  // [T, d]
    let query, z: Device.Activations  // [T, H * dHead]
    let key, value: Device.Activations  // [T, G * dHead]
    let gate, up: Device.Activations  // [T, dMLP]
    let rotary: RotaryTable
  }

  func workspace(capacity: Int, longest: Int) -> Workspace {
    func make(_ columns: Int) -> Device.Activations {
      device.activations(capacity: capacity, columns: columns)
    }
    let (queries, keys) = (shape.heads * shape.dHead, shape.keyValueHeads * shape.dHead)
    return Workspace(
      residual: make(shape.dModel), normed: make(shape.dModel), attentionOut: make(shape.dModel),
      mlpOut: make(shape.dModel), query: make(queries), z: make(queries), key: make(keys),
      value: make(keys), gate: make(shape.dMLP), up: make(shape.dMLP),
      rotary: RotaryTable(
        positions: longest, dHead: shape.dHead, theta: configuration.ropeTheta))
  }

  func forward(
    _ tile: Tile, of batch: Batch, plan: PreparedPlan, in workspace: Workspace
  ) -> ([SequenceCapture], [EffectMark]) {
    let taps = Taps(device: device, plan: plan, batch: batch, tile: tile)
    run(tile, taps, workspace)
    return (taps.captures(), taps.marks)
  }

  /// The forward pass, until nothing is left to read.
  private func run(_ tile: Tile, _ taps: Taps<Device>, _ w: Workspace) {
    let rows = tile.rows
    device.gather(tile.tokens, from: embedding, into: w.residual)
    guard taps(.embedding, w.residual) else { return }
    for (layer, block) in blocks.enumerated() {
      guard taps(.residual(before: layer), w.residual) else { return }
      normalize(w.residual, rows, block.attentionNorm, into: w.normed)
      guard attend(tile, layer, block, taps, w) else { return }
      device.add(w.attentionOut, rows: rows, to: w.residual)
      guard taps(.residual(mid: layer), w.residual) else { return }
      normalize(w.residual, rows, block.mlpNorm, into: w.normed)
      device.multiply(w.normed, rows: rows, by: block.gate, into: w.gate)
      device.multiply(w.normed, rows: rows, by: block.up, into: w.up)
      device.gate(w.gate, w.up, rows: rows, into: w.gate)
      guard taps(.mlpHidden(layer: layer), w.gate) else { return }
      device.multiply(w.gate, rows: rows, by: block.down, into: w.mlpOut)
      guard taps(.mlpOutput(layer: layer), w.mlpOut) else { return }
      device.add(w.mlpOut, rows: rows, to: w.residual)
      guard taps(.residual(after: layer), w.residual) else { return }
    }
    normalize(w.residual, rows, finalNorm, into: w.normed)
    guard taps(.finalNorm, w.normed) else { return }
    readLogits(taps, w)
  }

  /// From the normed residual stream to attention's output; false when nothing is left to read.
  private func attend(
    _ tile: Tile, _ layer: Int, _ block: Block, _ taps: Taps<Device>, _ w: Workspace
  ) -> Bool {
    let rows = tile.rows
    device.multiply(w.normed, rows: rows, by: block.query, into: w.query)
    device.multiply(w.normed, rows: rows, by: block.key, into: w.key)
    device.multiply(w.normed, rows: rows, by: block.value, into: w.value)
    device.rotate(w.query, tile: tile, heads: shape.heads, by: w.rotary)
    device.rotate(w.key, tile: tile, heads: shape.keyValueHeads, by: w.rotary)
    let scale = 1 / Float(shape.dHead).squareRoot()
    let hook = HookPoint.attentionPattern(layer: layer)
    device.attend(
      w.query, w.key, w.value, tile: tile, shape: shape, scale: scale, into: w.z,
      pattern: taps.reads(hook) ? { taps.readPattern(hook, $0, $1) } : nil)
    guard taps(.headOutput(layer: layer), w.z) else { return false }
    device.multiply(w.z, rows: rows, by: block.output, into: w.attentionOut)
    return taps(.attentionOutput(layer: layer), w.attentionOut)
  }

  private func normalize(
    _ x: Device.Activations, _ rows: Int, _ gain: [Float], into out: Device.Activations
  ) {
    device.normalize(x, rows: rows, gain: gain, epsilon: configuration.normEpsilon, into: out)
  }

  /// Logits for the wanted rows, 96 at a time: a row of them is as wide as the vocabulary.
  private func readLogits(_ taps: Taps<Device>, _ w: Workspace) {
    let rows = taps.wantedRows(.logits)
    let capacity = min(rows.count, 96)
    let picked = device.activations(capacity: capacity, columns: shape.dModel)
    let logits = device.activations(capacity: capacity, columns: shape.dVocabulary)
    var parts: [Matrix] = []
    for start in stride(from: 0, to: rows.count, by: 96) {
      let part = Array(rows[start..<min(start + 96, rows.count)])
      device.pick(part, of: w.normed, into: picked)
      device.multiply(picked, rows: part.count, by: unembedding, into: logits)
      parts.append(device.read(Array(0..<part.count), of: logits))
    }
    taps.keepRows(
      .logits,
      parts.isEmpty
        ? Matrix(rows: 0, columns: shape.dVocabulary) : Matrix.concatenating(parts))
  }
}
