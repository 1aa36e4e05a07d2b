import ActivationStore
import Files
import Foundation
import Probing
import Prompts
import Tensors
import Testing

@testable import Refusal
@testable import Transformer

/// Segments written as letters: t template, p prompt, k thinking, a answer.
func segments(_ letters: String) -> [Segment] {
  letters.map { ["t": .template, "p": .prompt, "k": .thinking, "a": .answer][$0]! }
}

func logit(_ probability: Double) -> Float { Float(log(probability / (1 - probability))) }

struct LandmarkTests {
  private static let cases:
    [(letters: String, landmarks: (thinking: [Int], end: [Int], final: Int?))] =
      [
        ("tpptkkkttaat", ([4, 5, 6], [7, 8], 8)),
        // The answer is to come.
        ("tpptkkktt", ([4, 5, 6], [7, 8], 8)),
        // Thinking was cut off.
        ("tpptkkk", ([4, 5, 6], [], nil)),
        // Nothing stands between thinking and answer.
        ("tpptkkkaa", ([4, 5, 6], [], nil)),
        // No thinking.
        ("tppttaat", ([], [], 4)), ("tpptt", ([], [], 4)), ("pppp", ([], [], nil)),
        ("tppaa", ([], [], nil)), ("", ([], [], nil)),
        // The last turn counts.
        ("tptkktattptkttaa", ([11], [12, 13], 13)), ("tptkktattpttaa", ([], [], 11)),
        // A marker that was taken for an answer while it was written.
        ("tpptaattkkkttaat", ([8, 9, 10], [11, 12], 12)),
        // No prompt.
        ("kktta", ([0, 1], [2, 3], 3)),
      ]

  @Test func landmarksAreThoseOfTheLastTurn() {
    for (letters, expected) in Self.cases {
      let landmarks = Landmarks(segments(letters))
      #expect(landmarks.thinking == expected.thinking, "\(letters)")
      #expect(landmarks.endOfThinking == expected.end, "\(letters)")
      #expect(landmarks.final == expected.final, "\(letters)")
    }
  }
}

struct CliffTests {
  private let scores = [0.1, 0.1, 0.6, 0.8, 0.7, 0.7, 0.5, 0.2, 0.1, 0.9]
  private let landmarks = Landmarks(segments("tpkkkkktta"))

  @Test func theCliffIsPlateauMinusFinal() throws {
    let paper = Cliff(scores: scores, landmarks: landmarks, rule: .paper)
    #expect(paper.plateau == 0.8)
    #expect(paper.final == 0.1)
    #expect(abs(try #require(paper.cliff) - 0.7) < 1e-12)
    #expect(abs(try #require(paper.relativeDrop) - 0.875) < 1e-12)
    #expect(paper.largestFallStart == 6)
    #expect(abs(try #require(paper.largestFall) - 0.3) < 1e-12)
    #expect(abs(try #require(paper.endOfThinkingShare) - 0.4 / 0.7) < 1e-12)
    let mean = Cliff(
      scores: scores, landmarks: landmarks, rule: PlateauRule(.mean, withoutLast: 1))
    #expect(abs(try #require(mean.plateau) - 0.7) < 1e-12)
  }

  @Test func percentilesAgreeWithNumpy() throws {
    let rule = PlateauRule(.percentile90, withoutLast: 0)
    #expect(abs(try #require(rule.plateau([0.3, 0.9, 0.5, 0.1, 0.7, 0.6])) - 0.8) < 1e-12)
    #expect(rule.plateau([0.4]) == 0.4)
  }

  @Test func whatCannotBeMeasuredIsNil() {
    let none = Cliff(scores: [0.1, 0.2, 0.3, 0.4], landmarks: Landmarks(segments("tpta")))
    #expect(none.plateau == nil)
    #expect(none.cliff == nil)
    #expect(none.relativeDrop == nil)
    #expect(none.largestFallStart == nil)
    #expect(none.endOfThinkingShare == nil)
    #expect(none.final == 0.3)
    let short = Cliff(scores: scores, landmarks: landmarks, rule: .robust)
    #expect(short.plateau == nil)
    #expect(short.cliff == nil)
    #expect(short.final == 0.1)
    let cut = Cliff(scores: [0.1, 0.5, 0.6], landmarks: Landmarks(segments("pkk")), rule: .paper)
    #expect(cut.plateau == 0.6)
    #expect(cut.final == nil)
    #expect(cut.cliff == nil)
  }

  @Test func aRisingScoreHasNoFall() {
    let rising = Cliff(
      scores: [0, 0.1, 0.2, 0.3, 0.4], landmarks: Landmarks(segments("pkkkt")), rule: .paper)
    #expect(rising.largestFallStart == nil)
    #expect(rising.endOfThinkingShare == nil)
    #expect(abs((rising.cliff ?? 0) + 0.1) < 1e-12)
  }
}

struct TokenTraceTests {
  private let sequence = TokenSequence(
    id: "a", tokens: [5, 6, 7], segments: segments("pkt"))
  private let probe = Probe(
    kind: .logistic, hook: .finalNorm, weight: [1, -1], bias: 0.5, mean: [0, 0], scale: [1, 2])

  @Test func activationsBecomeScores() throws {
    let capture = capture(Matrix(rows: 3, columns: 2, values: [0, 0, 1, 0, 0, 4]))
    let trace = try TokenTrace(
      capture, of: sequence, texts: ["x", "y", "z"], probes: [probe], label: "harmful")
    #expect(trace.logits == [[0.5, 1.5, -1.5]])
    #expect(abs(trace.probabilities()[2] - 1 / (1 + exp(1.5))) < 1e-12)
    #expect(trace.group == "a")
    let copy = try JSONDecoder().decode(TokenTrace.self, from: JSONEncoder().encode(trace))
    #expect(copy == trace)
  }

  @Test func capturesThatDoNotFitAreErrors() {
    let missing = expectProblem(.notCaptured) {
      try TokenTrace(
        capture(Matrix(rows: 2, columns: 2), positions: [0, 2]), of: sequence,
        texts: ["x", "y", "z"], probes: [probe])
    }
    #expect(missing?.remedy.contains("positions all") == true)
    expectProblem(.wrongShape) {
      try TokenTrace(
        capture(Matrix(rows: 3, columns: 5)), of: sequence, texts: ["x", "y", "z"],
        probes: [probe])
    }
    expectProblem(.differentCounts) {
      try TokenTrace(
        capture(Matrix(rows: 3, columns: 2)), of: sequence, texts: ["x"], probes: [probe])
    }
    expectProblem(.notFinite) {
      try TokenTrace(
        id: "a", tokens: ["x"], segments: [.prompt], hooks: [.finalNorm], logits: [[.nan]])
    }
  }

  @Test func anActivationFileGivesTheSameTraceAsTheRun() throws {
    let path = FileManager.default.temporaryDirectory
      .appendingPathComponent("trace-\(UUID().uuidString).h5").path
    defer {
      for name in [path, "\(path).json"] { try? FileManager.default.removeItem(atPath: name) }
    }
    let capture = capture(Matrix(rows: 3, columns: 2, values: [0, 0, 1, 0, 0, 4]))
    let model = ModelIdentity(
      id: "small", architecture: "llama", weightsSHA256: "abc", configurationSHA256: "def",
      configurationJSON: "{}", tokenizerSHA256: nil, templateSHA256: nil)
    let writer = try ActivationWriter(
      path,
      StoreDescription(
        model: model, hooks: [.finalNorm], widths: [.finalNorm: 2],
        prompts: [.init(sequence, positions: [0, 1, 2])], toolVersion: "0.1"))
    try writer.append(capture)
    _ = try writer.finish()
    let file = try ActivationFile(path)
    let texts = ["x", "y", "z"]
    let stored = try TokenTrace(file, prompt: 0, texts: texts, probes: [probe])
    #expect(stored == (try TokenTrace(capture, of: sequence, texts: texts, probes: [probe])))
    let features = try FeatureSet(
      hooks: [.finalNorm], matrices: [try file.matrix(.finalNorm)],
      examples: [Example(id: "a", label: true)], rowCounts: file.prompts.map(\.positions.count))
    #expect(features.examples.map(\.id) == ["a", "a", "a"])
    var elsewhere = probe
    elsewhere.hook = .embedding
    expectProblem(.notCaptured) {
      try TokenTrace(file, prompt: 0, texts: texts, probes: [elsewhere])
    }
    expectProblem(.outOfRange) {
      try TokenTrace(file, prompt: 1, texts: texts, probes: [probe])
    }
  }

  private func capture(_ matrix: Matrix, positions: [Int] = [0, 1, 2]) -> SequenceCapture {
    SequenceCapture(
      sequence: 0, positions: [.finalNorm: positions], values: [.finalNorm: matrix])
  }
}
