import ArgumentParser
import Bathyscope

struct OrganismCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "organism",
    abstract: "Make models whose secret is known, to test detectors on.",
    discussion: """
      Example:

        bathyscope organism plant --kind refusal-cliff --seed 1 --out cliff-1
      """,
    subcommands: [Plant.self])

  struct Plant: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Write a small model by hand, with exactly known parts.",
      discussion: """
        The folder is a complete Hugging Face model (llama, 5 to 8 blocks, 128 wide)
        with truth.json, which names every planted head and neuron, the directions,
        and prompts to try it on. One seed gives the same model with either mechanism
        or without both:

          refusal-cliff       recognises harm, and suppression heads take the refusal
                              back at the end of thinking
          introspection-gate  notices when its residual stream is perturbed
          none                refuses and notices nothing: for false positives

        Example:

          bathyscope organism plant --kind refusal-cliff --seed 1 --out cliff-1
          bathyscope generate --model cliff-1 --prompts cliff-1/prompts.jsonl \\
            --out answers.jsonl
        """)

    @Option(help: "What is planted.")
    var kind: Organism.Kind

    @Option(help: "Decides layers, heads, directions and strengths.")
    var seed: UInt64 = 42

    @Option(help: ArgumentHelp("The folder to make.", valueName: "folder"), completion: .directory)
    var out: String

    @OptionGroup var output: OutputOptions

    @Flag(help: "Print one JSON document on standard output.")
    var json = false

    private struct Result: Encodable {
      var path: String
      var truth: OrganismTruth
    }

    func run() throws {
      let organism = try Organism.plant(
        kind, seed: seed, toolVersion: bathyscopeVersion, to: out, overwrites: output.overwrite)
      let truth = organism.truth
      if json { return try printJSON("organism", Result(path: out, truth: truth)) }
      print(
        "\(out): \(truth.kind.rawValue), seed \(truth.seed), \(truth.layers) blocks of \(truth.headsPerLayer) heads"
      )
      print(truth.summary)
      printTable(
        ["role", "block", "head", "strength"],
        truth.heads.map {
          [$0.role.rawValue, "\($0.layer)", "\($0.head)", fixed(Double($0.strength), 2)]
        })
    }
  }
}

extension Organism.Kind: ExpressibleByArgument {}
