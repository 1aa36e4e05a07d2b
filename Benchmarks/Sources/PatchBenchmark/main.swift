// Residual patching of all layers and tokens against full passes: patch-benchmark MODEL PROMPTS.jsonl
// [--prompts 16] [--threads 2] [--share 24] [--no-template]
//
// Every token of every prompt gets, after every block in turn, what the next prompt has there: the
// beginning that both share by its place, the rest counted from the end. The full passes are runs over all
// prompts at once, one for each block and token, of which one in SHARE is made and the time extrapolated.
// What both read, the logits of two tokens at the end, has to be the same bit for bit.
import Bathyscope
import Foundation

struct Usage: Error {}

struct Options {
  var model = ""
  var file = ""
  var prompts = 16
  var threads = 2
  var share = 24
  var hasTemplate = true

  init(_ words: ArraySlice<String>) throws {
    var rest = words
    guard let model = rest.popFirst(), let file = rest.popFirst() else { throw Usage() }
    (self.model, self.file) = (model, file)
    while let word = rest.popFirst() {
      if word == "--no-template" {
        hasTemplate = false
        continue
      }
      guard let number = rest.popFirst().flatMap({ Int($0) }), number > 0 else { throw Usage() }
      switch word {
      case "--prompts": prompts = number
      case "--threads": threads = number
      case "--share": share = number
      default: throw Usage()
      }
    }
  }
}

struct Row: Decodable {
  var prompt: String
}

/// One token after one block of one prompt, and the other prompt's rows for it.
struct Patch {
  var sequence: Int
  var layer: Int
  var token: Int
  var intervention: Intervention
}

func patches(_ model: Model, _ batch: Batch, _ threads: Int) throws -> [Patch] {
  let hooks = (0..<model.shape.layers).map { HookPoint.residual(after: $0) }
  let clean = try model.run(batch, capturing: hooks.map { Capture($0) }, threads: threads)
  var patches: [Patch] = []
  for (index, sequence) in batch.sequences.enumerated() {
    let donor = (index + 1) % batch.sequences.count
    let other = batch.sequences[donor].tokens
    let most = min(other.count, sequence.tokens.count)
    let shared = (0..<most).first { other[$0] != sequence.tokens[$0] } ?? most
    for (layer, hook) in hooks.enumerated() {
      for token in sequence.tokens.indices {
        let fromEnd = max(token + other.count - sequence.tokens.count, min(shared, other.count - 1))
        let patch = try Intervention.patch(
          hook, from: clean.sequences[donor], tokens: [token < shared ? token : fromEnd],
          onto: [token])
        patches.append(
          Patch(sequence: index, layer: layer, token: token, intervention: patch))
      }
    }
  }
  return patches
}

/// What some work takes: seconds on the clock, and of all processors together.
struct Cost {
  var clock: Double
  var processors: Double

  init(_ work: () throws -> Void) rethrows {
    let (start, used) = (ContinuousClock.now, Foundation.clock())
    try work()
    let time = (ContinuousClock.now - start).components
    clock = Double(time.seconds) + Double(time.attoseconds) * 1e-18
    processors = Double(Foundation.clock() - used) / Double(CLOCKS_PER_SEC)
  }
}

func run(_ options: Options) throws {
  let model = try Model.load(options.model)
  let lines = try String(contentsOfFile: options.file, encoding: .utf8).split(separator: "\n")
  let texts = try lines.prefix(options.prompts).map {
    try JSONDecoder().decode(Row.self, from: Data($0.utf8)).prompt
  }
  let batch = try model.encode(
    texts.enumerated().map { index, text in
      Conversation(
        id: "\(index)",
        source: options.hasTemplate
          ? .messages([Message(role: "user", content: text)]) : .text(text))
    })
  let patches = try patches(model, batch, options.threads)
  let tokens: [Int32] = [40, 10319]
  var found: [[Float]] = Array(repeating: [], count: patches.count)
  let variants = patches.map { Variant(of: $0.sequence, [$0.intervention]) }
  let ours = try Cost {
    try model.counterfactuals(of: batch, variants, logitsOf: tokens, threads: options.threads) {
      found[$0.variant] = $0[.logits]?.values ?? []
    }
  }
  let groups = Dictionary(grouping: patches.indices) { [patches[$0].layer, patches[$0].token] }
  let chosen = groups.sorted { $0.key.lexicographicallyPrecedes($1.key) }.enumerated()
    .filter { $0.offset % options.share == options.share / 2 }.map(\.element.value)
  var different = 0
  // A run has one row of logits for each prompt, whether it is patched there or not.
  let theirs = try Cost {
    for members in chosen {
      let places = members.map { patches[$0].sequence }
      let part = Batch(places.map { batch.sequences[$0] })
      let run = try model.run(
        part, capturing: [.logits()],
        applying: members.enumerated().map { patches[$1].intervention.only(in: [$0]) },
        threads: options.threads)
      for (member, capture) in zip(members, run.sequences) {
        let logits = tokens.map { capture.values[.logits]?.values[Int($0)] }
        if logits != found[member].map(Optional.some) { different += 1 }
      }
    }
  }
  let made = chosen.joined().count
  let scale = Double(patches.count) / Double(made)
  func text(_ full: Double, _ ours: Double) -> String {
    let numbers = [full * scale, ours, full * scale / ours].map { String(format: "%.1f", $0) }
    return "full passes \(numbers[0]) s, counterfactuals \(numbers[1]) s, ratio \(numbers[2])"
  }
  print(
    """
    \(batch.sequences.count) prompts of \(batch.tokenCount / batch.sequences.count) tokens, \
    \(model.shape.layers) blocks, \(patches.count) patches, \(options.threads) threads, \
    \(Diagnosis.kernel)
    by the clock: \(text(theirs.clock, ours.clock))
    by the processors: \(text(theirs.processors, ours.processors))
    \(made) patches made by full passes, \(different) of them differ
    """)
}

do {
  try run(try Options(CommandLine.arguments.dropFirst()))
} catch is Usage {
  print(
    """
    usage: patch-benchmark MODEL PROMPTS.jsonl [--prompts 16] [--threads 2] [--share 24] \
    [--no-template]
    """)
  exit(2)
}
