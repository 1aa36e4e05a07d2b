import Files
import Foundation

/// The adapters that come with Bathyscope and can be named instead of a path: organisms that were
/// taught to refuse, to comply, and to fall off a refusal cliff.
///
/// They stand in `Probes/organisms` of the repository. A name is looked for there, from the current
/// folder and from the executable upwards.
public enum AdapterCatalogue {
  /// All adapters that can be named; each is for the model `smollm2-135m`.
  public static let names = ["smollm2-aligned", "smollm2-comply", "smollm2-cliff"]
  private static let home = "Probes/organisms"

  /// The folder of a named adapter, or the path itself when it is there or is not a name.
  ///
  /// - Throws: when the named adapter is not found.
  public static func resolve(_ nameOrPath: String) throws(Problem) -> String {
    try resolve(
      nameOrPath,
      from: [
        FileManager.default.currentDirectoryPath,
        (Bundle.main.executableURL ?? URL(fileURLWithPath: "/")).resolvingSymlinksInPath()
          .deletingLastPathComponent().path,
      ])
  }

  static func resolve(
    _ nameOrPath: String, from starts: [String]
  ) throws(Problem) -> String {
    guard names.contains(nameOrPath), !FileManager.default.fileExists(atPath: nameOrPath) else {
      return nameOrPath
    }
    for start in starts {
      var folder = URL(fileURLWithPath: start).standardizedFileURL
      while true {
        let path = folder.appendingPathComponent("\(home)/\(nameOrPath)").path
        if FileManager.default.fileExists(atPath: path) { return path }
        guard folder.path != "/" else { break }
        folder.deleteLastPathComponent()
      }
    }
    throw Problem(
      .missing, nameOrPath, problem: "is an adapter of the repository, which is not around here",
      remedy: "name its folder: \(home)/\(nameOrPath) in a clone of the repository")
  }
}
