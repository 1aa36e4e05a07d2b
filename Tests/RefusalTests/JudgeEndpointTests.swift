import Files
import Foundation
import Prompts
import Runs
import Synchronization
import Testing

@testable import Refusal

/// A server in another process, which ends with this one.
final class JudgeServer: Sendable {
  let address: String
  private let process: Process
  private let input = Pipe()

  /// - Parameter host: where it listens, as an address has it.
  init(_ host: String = "127.0.0.1") throws {
    let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("Oracles/judge_server.py").path
    process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["python3", script, host.trimmingCharacters(in: ["[", "]"])]
    process.standardInput = input
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let port = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
    address = "http://\(host):\(try #require(Int(port.trimmingCharacters(in: .newlines))))/v1"
  }

  /// How many questions it has been asked.
  func asked() throws -> Int {
    let url = try #require(URL(string: address + "/asked"))
    return try #require(Int(String(decoding: try Data(contentsOf: url), as: UTF8.self)))
  }

  func stop() { kill(process.processIdentifier, SIGKILL) }

  deinit { stop() }
}

/// Judges behind a real server, good and bad.
@Suite(.serialized) struct JudgeEndpointTests {
  static let server = Result { try JudgeServer() }
  let server: JudgeServer

  init() throws { server = try Self.server.get() }

  /// The pauses that were made.
  final class Pauses: Sendable {
    let all = Mutex<[Double]>([])
  }

  func answers(_ texts: [String]) -> [Answer] {
    texts.enumerated().map { Answer(id: "\($0)", request: "request \($0)", text: $1) }
  }

  func judge(
    _ model: String, _ texts: [String], prompt: JudgePrompt = .harmBench, key: String? = nil,
    timeout: Double = 20, pauses: Pauses = Pauses()
  ) throws -> [GivenVerdict] {
    var endpoint = try Endpoint(server.address, model: model, key: key)
    (endpoint.timeout, endpoint.retries, endpoint.firstDelay) = (timeout, 3, 0.01)
    let judge = EndpointJudge(endpoint, prompt) { seconds in
      pauses.all.withLock { $0.append(seconds) }
    }
    var found = [GivenVerdict?](repeating: nil, count: texts.count)
    try judge.judge(answers(texts)) { index, verdict in
      #expect(found[index] == nil, "judged twice")
      found[index] = verdict
    }
    return try found.map { try #require($0) }
  }

  @Test(arguments: [
    (JudgePrompt.harmBench, "good"), (.llamaGuard, "guard"), (.strongREJECT, "rubric"),
  ]) func presets(prompt: JudgePrompt, model: String) throws {
    let texts = (0..<13).map { $0 % 3 == 0 ? "PLACEHOLDER-YES \($0)" : "no \($0)" }
    let verdicts = try judge(model, texts, prompt: prompt)
    #expect(verdicts.map(\.judgement.success) == (0..<13).map { $0 % 3 == 0 })
    #expect(verdicts.map(\.isLasting) == Array(repeating: true, count: 13))
    if prompt == .strongREJECT {
      #expect(verdicts[0].judgement.score == 0.875 && verdicts[1].judgement.score == 0)
    }
  }

  @Test func nonsenseIsInvalidAndLasting() throws {
    let verdict = try judge("nonsense", ["a"])[0]
    #expect(verdict.judgement.outcome == .invalid && verdict.isLasting)
    #expect(verdict.judgement.reason.contains("weather"))
  }

  @Test func rateLimitsAreWaitedFor() throws {
    let pauses = Pauses()
    #expect(try judge("paused", ["a"], pauses: pauses)[0].judgement.success == true)
    #expect(pauses.all.withLock { $0 } == [7])
    let short = Pauses()
    #expect(try judge("busy", ["b"], pauses: short)[0].judgement.success == true)
    #expect(short.all.withLock { $0 } == [0.01, 0.02], "it doubles")
    let broken = Pauses()
    #expect(try judge("broken", ["c"], pauses: broken)[0].judgement.success == false)
    let closed = Pauses()
    let verdict = try judge("closed", ["d"], pauses: closed)[0]
    #expect(verdict.judgement.outcome == .invalid && !verdict.isLasting)
    #expect(verdict.judgement.reason.contains("asks to wait 1000000000 s"))
    #expect(closed.all.withLock { $0 }.isEmpty, "nobody waits for years")
  }

  @Test(arguments: [
    ("down", "500", 4), ("truncated", "no chat completion", 4), ("empty", "no chat completion", 4),
    ("huge", "longer than", 1), ("filtered", "400", 1),
  ]) func failuresAreInvalidAndAskedAgain(model: String, reason: String, times: Int) throws {
    let before = try server.asked()
    let verdict = try judge(model, ["a"])[0]
    #expect(verdict.judgement.outcome == .invalid && !verdict.isLasting)
    #expect(verdict.judgement.reason.contains(reason), "\(verdict.judgement.reason)")
    #expect(try server.asked() - before == times)
  }

  /// Replies that would fill the memory or never end are cut, and no question gets more than its time.
  @Test(arguments: [
    ("flood", "longer than"), ("flood-until-close", "longer than"),
    ("flood-of-length", "longer than"), ("one-chunk", "longer than"), ("headers", "longer than"),
    ("long-header", "longer than"), ("long-status", "longer than"), ("continues", "longer than"),
    ("trailers", "longer than"), ("extension", "longer than"), ("huge-chunk", "longer than"),
    ("drip", "within 2.0 s"), ("drip-head", "within 2.0 s"), ("silent", "within 2.0 s"),
  ]) func boundlessRepliesAreCut(how: String, reason: String) throws {
    let before = try server.asked()
    var verdict: GivenVerdict?
    let time = try ContinuousClock().measure {
      verdict = try judge("http-\(how)", ["a"], timeout: 2)[0]
    }
    #expect(verdict?.judgement.outcome == .invalid && verdict?.isLasting == false)
    #expect(
      verdict?.judgement.reason.contains(reason) == true, "\(verdict?.judgement.reason ?? "")")
    #expect(time < .seconds(6), "\(how): \(time)")
    #expect(try server.asked() - before == 1, "asked once")
  }

  /// Replies of another form than most are read all the same.
  @Test(arguments: ["long", "old", "plain-lines", "keep-alive", "continue", "chunks"])
  func oddRepliesAreRead(how: String) throws {
    var verdict: GivenVerdict?
    let time = try ContinuousClock().measure { verdict = try judge("http-\(how)", ["a"])[0] }
    #expect(verdict?.judgement.success == true)
    #expect(time < .seconds(5), "\(how): \(time)")
  }

  /// What is no reply is asked for again, and is an error in the end.
  @Test(arguments: [
    ("short", "lost"), ("unfinished", "lost"), ("nonsense", "not HTTP"), ("negative", "length"),
    ("two-lengths", "length"), ("no-chunk", "chunk"), ("reset", "lost"), ("closed", "lost"),
    ("bomb", "compressed"),
  ]) func brokenRepliesAreErrors(how: String, reason: String) throws {
    let before = try server.asked()
    let error = expectProblem(.unreachable, "\(how)") { try judge("http-\(how)", ["a"]) }
    #expect(error?.problem.contains(reason) == true, "\(how)")
    #expect(try server.asked() - before == 4)
  }

  /// A server that only sends us elsewhere is no judge, and the key does not go there.
  @Test(arguments: [301, 302, 303, 307, 308]) func redirectionsAreErrors(status: Int) throws {
    let before = try server.asked()
    let error = expectProblem(.redirected) {
      try judge("http-redirect-\(status)", ["a"], key: "sk-secret")
    }
    #expect(error?.problem.contains("(\(status))") == true)
    #expect(try server.asked() - before == 1)
    expectProblem(.redirected) { try judge("elsewhere", ["a"]) }
  }

  @Test func addressesOfVersion6AreReached() throws {
    guard let server = try? JudgeServer("[::1]") else { return }
    let endpoint = try Endpoint(server.address, model: "good", key: "sk-local")
    var verdict: GivenVerdict?
    try EndpointJudge(endpoint, .harmBench).judge(answers(["PLACEHOLDER-YES"])) { verdict = $1 }
    #expect(verdict?.judgement.success == true)
    server.stop()
  }

  @Test func slowAnswersAreLeft() throws {
    let clock = ContinuousClock()
    var verdict: GivenVerdict?
    let time = try clock.measure {
      var endpoint = try Endpoint(server.address, model: "slow", key: nil)
      (endpoint.timeout, endpoint.retries) = (1, 0)
      try EndpointJudge(endpoint, .harmBench).judge(answers(["a"])) { verdict = $1 }
    }
    #expect(time < .seconds(3.5))
    #expect(verdict?.judgement.outcome == .invalid && verdict?.isLasting == false)
    #expect(verdict?.judgement.reason.contains("within 1.0 s") == true)
  }

  @Test func keysStayHidden() throws {
    let key = "sk-very-secret-0123456789"
    let verdict = try judge("parrot", ["a"], key: key)[0]
    #expect(verdict.judgement.reason.contains("Bearer [key]"))
    let error = try requireProblem(.unauthorized) { try judge("locked", ["a"], key: key) }
    #expect(!"\(error)".contains(key))
    #expect("\(error)".contains(Endpoint.keyVariable))
    // A key in the address, or on an open line, is refused before anything is sent.
    for (address, code) in [
      ("http://user:\(key)@127.0.0.1/v1", .secretExposed),
      ("https://host/v1?api_key=\(key)", .secretExposed), ("http://example.org/v1", .secretExposed),
      ("ftp://127.0.0.1/v1", .invalidEndpoint), ("nonsense \(key)", .invalidEndpoint),
      ("", .invalidEndpoint),
    ] as [(String, Problem.Code)] {
      let error = try requireProblem(code) { try Endpoint(address, model: "m", key: key) }
      #expect(!"\(error)".contains(key))
    }
    expectProblem(.invalidEnvironment) {
      try Endpoint("https://host/v1", model: "m", key: "two\nlines")
    }
    expectProblem(.invalidEndpoint) {
      try Endpoint("https://host/v1", model: "", key: nil)
    }
    #expect(try Endpoint("http://example.org/v1", model: "m", key: nil).address.contains("org"))
    #expect(try Endpoint("https://example.org/v1/", model: "m", key: key).address.hasSuffix("/v1"))
  }

  @Test func nobodyThere() throws {
    var endpoint = try Endpoint("http://127.0.0.1:1/v1", model: "m", key: nil)
    (endpoint.retries, endpoint.firstDelay) = (1, 0.01)
    let judge = EndpointJudge(endpoint, .harmBench)
    expectProblem(.unreachable) {
      try judge.judge(answers(["a", "b"])) { _, _ in Issue.record("a verdict") }
    }
    expectProblem(.endpointFailed) { try self.judge("no such model", ["a"]) }
  }

  @Test func nothingIsAskedTwice() throws {
    let folder = try TestFolder()
    var endpoint = try Endpoint(server.address, model: "good", key: nil)
    endpoint.retries = 0
    let judge = EndpointJudge(endpoint, .harmBench)
    let answers = answers(["PLACEHOLDER-YES once", "no", "no"]) + answers(["PLACEHOLDER-YES once"])
    let before = try server.asked()
    for round in 0..<2 {
      let cache = try RunJournal<String, Judgement>.open(
        "\(folder.path)/v", of: .memory(of: "verdicts"))
      let panel = JudgePanel([judge], cache: cache)
      #expect(panel.missing(answers) == (round == 0 ? 4 : 0))
      let verdicts = try panel.judge(answers).map { $0[0].success }
      #expect(verdicts == [true, false, false, true])
    }
    #expect(try server.asked() - before == 3, "and the same question is one question")
    // Another model is another judge.
    var other = endpoint
    other = try Endpoint(server.address, model: "mixed", key: nil)
    #expect(EndpointJudge(other, .harmBench).card.sha256 != judge.card.sha256)
  }

  @Test func datesOfRetryAfter() throws {
    let now = Date(timeIntervalSince1970: 1_445_412_480)
    #expect(EndpointExchange.seconds("Wed, 21 Oct 2015 07:28:05 GMT", now: now) == 5)
    #expect(EndpointExchange.seconds("Wed, 21 Oct 2015 07:27:05 GMT", now: now) == 0)
    #expect(EndpointExchange.seconds("12", now: now) == 12)
    #expect(EndpointExchange.seconds("-3", now: now) == 0)
    #expect(EndpointExchange.seconds("soon", now: now) == nil)
    #expect(EndpointExchange.seconds("inf", now: now) == nil)
  }
}
