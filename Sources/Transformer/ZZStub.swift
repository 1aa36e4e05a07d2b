import Checkpoints
import Tokenization
public struct Conversation { }
public struct PromptEncoder: Sendable {
  init?(_ c: Checkpoint) throws { return nil }
  func encode(_ c: Conversation) throws -> TokenSequence { fatalError() }
  static func encodeTokens(of c: Conversation) throws -> TokenSequence { fatalError() }
}
extension ModelIdentity { init(_ n: String, _ c: Checkpoint, _ e: PromptEncoder?) throws { self.init(id: n, architecture: "", weightsSHA256: "", configurationSHA256: "", configurationJSON: "") } }
