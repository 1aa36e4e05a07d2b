import Files
import Foundation
import Prompts
import Testing

@testable import Tokenization

/// What `AutoTokenizer` makes of the files beside `tokenizer.json`, recorded by
/// `Oracles/record_special_tokens.py` from versions 4 and 5 of transformers.
@Suite("Special tokens and flags in every file") struct SpecialTokenGridTests {
  /// A folder of the grid, and what comes of it.
  struct Cell {
    let json: JSON
    let grid: JSON
    let files: TokenizerFiles

    init(_ json: JSON, of grid: JSON) throws {
      (self.json, self.grid) = (json, grid)
      func member(_ list: String, _ key: String) throws -> JSON? {
        guard let name = json[key]?.text else { return nil }
        return try #require(grid[list]?[name])
      }
      var tokenizer = try #require(try member("bases", "base"))
      if let post = try member("parts", "post") {
        tokenizer = tokenizer.setting("post_processor", to: post)
      }
      if let pre = try member("parts", "pre") {
        tokenizer = tokenizer.setting("pre_tokenizer", to: pre)
      }
      let added = try #require(tokenizer["added_tokens"]?.array) + (json["added"]?.array ?? [])
      tokenizer = tokenizer.setting("added_tokens", to: .array(added))
      var configuration = try member("common", "common") ?? (try Self.empty())
      for (key, value) in try #require(json["config"]?.object).members {
        configuration = configuration.setting(String(decoding: key, as: UTF8.self), to: value)
      }
      func content(_ json: JSON?, _ path: String) -> TokenizerFiles.Content? {
        json.map { .init(Array($0.text().utf8), path: path) }
      }
      var files = TokenizerFiles(try #require(content(tokenizer, "tokenizer.json")))
      files.configuration = content(configuration, "tokenizer_config.json")
      files.specialTokensMap = content(json["special_tokens_map"], "special_tokens_map.json")
      files.addedTokens = content(json["added_tokens"], "added_tokens.json")
      files.modelType = json["model_type"]?.text
      self.files = files
      template = configuration["chat_template"]?.text
    }

    let template: String?

    /// The recorded result of a version; nil where it refuses the folder.
    func recorded(_ version: String) throws -> JSON? {
      let index = try #require((json["both"] ?? json[version])?.int)
      let result = try #require(grid["results"]?.array)[index]
      return result.isNull ? nil : result
    }

    /// The same from the code under test.
    func result(_ tokenizer: Tokenizer) throws -> JSON {
      func ids(_ ids: [Int32]) -> JSON { .array(ids.map { .number("\($0)") }) }
      let texts = try #require(grid["texts"]?[json["grid"]?.text ?? ""]?.array)
      let encoded = texts.map {
        ids(tokenizer.encodeRaw([span($0.text ?? "", specials: true)]).ids)
      }
      var result = try Self.empty().setting("ids", to: .array(encoded))
      guard let template else { return result }
      let chat = try ChatTemplate(source: template, file: "chat", tokens: tokenizer.roles)
      let messages = try #require(grid["chat"]?.array).map {
        Message(role: $0["role"]?.text ?? "", content: $0["content"]?.text ?? "")
      }
      let spans = try chat.render(messages, addsGenerationPrompt: false)
      result = result.setting("chat", to: ids(tokenizer.encode(spans.map(\.text)).ids))
      return result.setting("text", to: JSON.string(spans.flatMap(\.bytes)))
    }

    private static func empty() throws -> JSON {
      try JSONReader.parse(Array("{}".utf8), file: "empty")
    }

    var label: String {
      let parts = ["grid", "base", "model_type", "post", "pre"].compactMap { json[$0]?.text }
      let files = ["config", "special_tokens_map", "added_tokens", "added"].compactMap { name in
        json[name].map { "\(name) \($0.text())" }
      }
      return (parts + files).joined(separator: ", ").replacing("\n", with: "")
    }
  }

  static let grid = Result {
    let bytes = try goldenBytes("special_tokens.json")
    return try JSONReader.parse(bytes, file: "special_tokens.json", valueLimit: 400_000)
  }

  static func cells(_ name: String) throws -> [Cell] {
    let grid = try grid.get()
    return try #require(grid["cells"]?.array).filter { $0["grid"]?.text == name }
      .map { try Cell($0, of: grid) }
  }

  @Test(
    arguments: [("flags", 684), ("prefix", 154), ("special", 628), ("roles", 308), ("numbers", 3)])
  func whereTheVersionsAgreeTheResultIsTheirs(name: String, count: Int) throws {
    var compared = 0
    for cell in try Self.cells(name) where cell.json["both"] != nil {
      let expected = try #require(try cell.recorded("both"))
      let found = Result { try cell.result(Tokenizer(cell.files)) }
      #expect((try? found.get()) == expected, "\(cell.label): \(found)")
      compared += 1
    }
    #expect(compared == count)
  }

  /// Only the pipeline of `tokenizer.json` and its added tokens count more than the newer version.
  @Test(arguments: [("flags", 436), ("prefix", 193), ("special", 198), ("roles", 307)])
  func whereTheyDifferTheNewerIsFollowedAndItIsSaid(name: String, count: Int) throws {
    var followed = 0
    for cell in try Self.cells(name) where cell.json["both"] == nil {
      let (old, new) = (try cell.recorded("old"), try cell.recorded("new"))
      let tokenizer = try Tokenizer(cell.files)
      let isNewer = try cell.result(tokenizer) == new
      followed += isNewer ? 1 : 0
      guard old != nil, let new, new != old else { continue }
      #expect(!tokenizer.warnings.isEmpty, "\(cell.label)")
      let saysOther = tokenizer.warnings.contains {
        ["tokenizer.json is followed", "says, which is followed", "it is kept"]
          .contains(where: $0.contains)
      }
      #expect(isNewer || saysOther, "\(cell.label): \(tokenizer.warnings)")
    }
    #expect(followed == count)
  }
}
