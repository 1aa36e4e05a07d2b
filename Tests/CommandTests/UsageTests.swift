import Foundation
import Testing

/// What is wrong with the words of the command line ends with status 2, before anything is written.
@Suite struct UsageTests {
  let folder: Scratch

  init() throws {
    folder = try Scratch()
    try folder.write("p.jsonl", syntheticPrompts(6))
  }

  private func capture(_ arguments: String...) throws -> Tool.Outcome {
    try Tool.run(
      ["capture", "--model", TinyModel.llama, "--prompts", "p.jsonl", "--out", "a.h5"] + arguments,
      in: folder)
  }

  @Test(arguments: [
    ["frobnicate"], ["--frobnicate"], ["probe", "frobnicate"], ["capture"], ["tokens"], ["trace"],
    ["probe", "train"], ["probe", "eval"], ["models", "get"], ["doctor", "surplus"],
    ["tokens", "--model", TinyModel.llama],
    ["tokens", "--model", TinyModel.llama, "--text", "a", "--prompts", "p.jsonl"],
    ["capture", "--model", TinyModel.llama, "--prompts", "p.jsonl"],
  ])
  func unknownAndMissingWords(arguments: [String]) throws {
    let outcome = try Tool.run(arguments, in: folder)
    #expect(outcome.status == 2)
    #expect(outcome.output.isEmpty)
    #expect(outcome.errors.contains("Usage: bathyscope"))
    #expect(folder.contents == ["p.jsonl"])
  }

  @Test(arguments: [
    ["--positions", "first"], ["--positions", "1..x"], ["--positions", ""], ["--layers", "a"],
    ["--layers", "0,"], ["--layers", "3"], ["--layers", "-4"], ["--layers", "last"],
    ["--hooks", "blocks.*.resid"], ["--hooks", ""], ["--hooks", "blocks.3.hook_resid_post"],
    ["--threads", "0"], ["--threads", "many"], ["--seed", "1.5"], ["--precision", "float7"],
    ["--store", "int8"],
  ])
  func badValues(arguments: [String]) throws {
    let outcome = try Tool.run(
      ["capture", "--model", TinyModel.llama, "--prompts", "p.jsonl", "--out", "a.h5"] + arguments,
      in: folder)
    #expect(outcome.status == 2, "\(outcome.errors)")
    #expect(outcome.output.isEmpty)
    #expect(!outcome.errors.isEmpty)
    #expect(folder.contents == ["p.jsonl"])
  }

  @Test func unknownHooksAreToldTheOfferedOnes() throws {
    let unknown = try capture("--hooks", "blocks.*.hook_resid_past")
    for name in ["blocks.*.hook_resid_post", "blocks.*.attn.hook_z", "ln_final.hook_out"] {
      #expect(unknown.errors.contains(name))
    }
    #expect(try capture("--hooks", "ln_final.hook_norm").code == "no-matching-hook")
  }

  @Test func misspelledLabelsAndLayersAreNotPassedOver() throws {
    let pipeline = try Pipeline.shared.get()
    let trace = [
      "trace", "--model", TinyModel.llama, "--prompts", "other.jsonl", "--probe", "probe",
      "--out", "unused",
    ]
    let cases: [([String], Int32, String)] = [
      (["--label", "markd"], 4, "marked"), (["--group", "topic"], 4, "marked"),
      (["--layers", "9"], 2, "layers 0 to 2"), (["--layers", "x"], 2, "0..9"),
    ]
    for (words, status, hint) in cases {
      let outcome = try Tool.run(trace + words, in: pipeline.folder)
      #expect(outcome.status == status)
      #expect(outcome.errors.contains(hint), "\(outcome.errors)")
    }
    for words in [["--label", "markd"], ["--label", "marked", "--group", "topic"]] {
      let outcome = try Tool.run(
        ["probe", "train", "--acts", "acts.h5", "--out", "unused"] + words, in: pipeline.folder)
      #expect(outcome.status == 4)
      #expect(outcome.errors.contains("name one of: marked"), "\(outcome.errors)")
    }
    #expect(!pipeline.folder.contents.contains("unused"))
  }

  @Test func errorsAreShort() throws {
    for words in [["--positions", "first"], ["--hooks", "x"], ["--model", "none"]] {
      let errors = try Tool.run(
        ["capture", "--prompts", "p.jsonl", "--out", "a.h5", "--model", TinyModel.llama] + words,
        in: folder
      ).errors
      #expect(errors.split(separator: "\n").count <= 4, "\(errors)")
      for noise in ["Fatal", "Domain=", "at /", ".swift", "0x"] {
        #expect(!errors.contains(noise), "\(errors)")
      }
    }
  }
}
