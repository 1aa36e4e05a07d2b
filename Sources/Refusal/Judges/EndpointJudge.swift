import Files
import Foundation
import Prompts
import Synchronization

/// Asks a model behind an OpenAI-compatible server.
package struct EndpointJudge: Judge {
  package let card: JudgeCard
  private let endpoint: Endpoint
  private let prompt: JudgePrompt
  private let sleep: @Sendable (Double) -> Void

  package init(
    _ endpoint: Endpoint, _ prompt: JudgePrompt,
    sleep: @escaping @Sendable (Double) -> Void = { Thread.sleep(forTimeInterval: $0) }
  ) {
    (self.endpoint, self.prompt, self.sleep) = (endpoint, prompt, sleep)
    card = JudgeCard(
      name: "endpoint-\(prompt.rawValue)", measures: .harmfulness, success: prompt.success,
      version: prompt.version, source: prompt.source, model: endpoint.model,
      isGraded: prompt == .strongREJECT,
      definition: [
        endpoint.address,
        String(
          decoding: Self.body("", "", endpoint, prompt), as: UTF8.self),
      ])
  }

  /// Thrown on in the caller's thread.
  private enum Message: Sendable {
    case verdict(Int, GivenVerdict)
    case failure(EndpointExchange.Failure)
    case finished
  }

  package func judge(
    _ answers: [Answer], receive: (Int, GivenVerdict) throws -> Void
  ) throws {
    if let answer = answers.first(where: { $0.request == nil }) {
      throw Problem.noRequest(answer)
    }
    let bodies = answers.map { Self.body($0.request ?? "", $0.text, endpoint, prompt) }
    let mailbox = Mailbox<Message>()
    let exchange = EndpointExchange(
      endpoint: endpoint,
      client: HTTPClient(limit: endpoint.replyLimit), sleep: sleep)
    let workers = max(1, min(endpoint.concurrency, answers.count))
    let claim = Claim(count: bodies.count)
    for _ in 0..<workers {
      let thread = Thread { [prompt] in
        while let index = claim.take() {
          do throws(EndpointExchange.Failure) {
            let verdict = Self.verdict(try exchange.ask(bodies[index]), prompt)
            mailbox.put(.verdict(index, verdict))
          } catch {
            claim.close()
            mailbox.put(.failure(error))
          }
        }
        mailbox.put(.finished)
      }
      thread.start()
    }
    var (running, failure) = (workers, (any Error)?.none)
    while running > 0 {
      switch mailbox.take() {
      case .verdict(let index, let verdict):
        do { try receive(index, verdict) } catch {
          claim.close()
          failure = failure ?? error
        }
      case .failure(let error): failure = failure ?? self.error(error)
      case .finished: running -= 1
      }
    }
    if let failure { throw failure }
  }

  private static func verdict(
    _ result: EndpointExchange.Result, _ prompt: JudgePrompt
  ) -> GivenVerdict {
    switch result {
    case .words(let words): GivenVerdict(judgement: prompt.verdict(words))
    case .none(let reason):
      GivenVerdict(judgement: .invalid(reason), isLasting: false)
    }
  }

  private func error(_ failure: EndpointExchange.Failure) -> Problem {
    let subject = "the judge's endpoint \(endpoint.address)"
    switch failure {
    case .refused(401), .refused(403):
      return Problem(
        .unauthorized, subject, problem: "does not let us in",
        remedy: "set the environment variable \(Endpoint.keyVariable) to a valid key")
    case .refused(let status):
      return Problem(
        .endpointFailed, subject, problem: "answers \(status) at /chat/completions",
        remedy: "check the address, which usually ends with /v1, and the model's name")
    case .redirected(let status):
      return Problem(
        .redirected, subject,
        problem: "redirects to another address (\(status)), where the key must not go",
        remedy: "give the address that answers itself")
    case .unreachable(let words):
      return Problem(
        .unreachable, subject, problem: "cannot be reached: \(words)",
        remedy: "start it, or check the address; verdicts so far are remembered")
    }
  }

  /// The request as JSON with sorted keys; the same for the same question.
  private static func body(
    _ request: String, _ answer: String, _ endpoint: Endpoint, _ prompt: JudgePrompt
  ) -> [UInt8] {
    struct Message: Encodable {
      var role: String
      var content: String
    }
    struct Body: Encodable {
      var model: String
      var messages: [Message]
      var temperature = 0
      var maxTokens: Int
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.keyEncodingStrategy = .convertToSnakeCase
    let messages = prompt.messages(request: request, answer: answer)
    let body = Body(
      model: endpoint.model,
      messages: messages.map { Message(role: $0.role, content: $0.content) },
      maxTokens: prompt.maxTokens)
    return (try? encoder.encode(body)).map(Array.init) ?? []
  }
}

/// Hands out numbers until there are no more, or until it is closed.
private final class Claim: Sendable {
  private let state = Mutex(0)
  private let count: Int

  init(count: Int) { self.count = count }

  func take() -> Int? {
    state.withLock { next in
      guard next < count else { return nil }
      next += 1
      return next - 1
    }
  }

  func close() { state.withLock { $0 = count } }
}

/// Carries messages from many threads to one.
private final class Mailbox<Message: Sendable>: @unchecked Sendable {
  private let condition = NSCondition()
  private var messages: [Message] = []

  func put(_ message: Message) {
    condition.lock()
    messages.append(message)
    condition.signal()
    condition.unlock()
  }

  func take() -> Message {
    condition.lock()
    defer { condition.unlock() }
    while messages.isEmpty { condition.wait() }
    return messages.removeFirst()
  }
}
