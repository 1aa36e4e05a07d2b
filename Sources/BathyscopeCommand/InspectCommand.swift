import ArgumentParser
import Bathyscope
import Foundation

/// The part of `Inspector` that runs in a process of its own.
struct InspectCommand: ParsableCommand {
  static let name = "inspect-activations"
  static let configuration = CommandConfiguration(commandName: name, shouldDisplay: false)

  @Argument var path: String

  func run() throws { throw ExitCode(Inspector.run(path)) }
}

extension ActivationFile {
  /// Opens a file of any origin: libhdf5 meets it first in a process of its own.
  static func inspected(_ path: String, _ options: VerifyOptions) throws -> ActivationFile {
    let executable = Bundle.main.executablePath ?? CommandLine.arguments[0]
    let file = try ActivationFile(
      path, inspector: Inspector(executable: executable, arguments: [InspectCommand.name]),
      verifies: !options.noVerify)
    if !file.isVerified, !options.noVerify {
      writeError(
        "warning: \(path) has no digest inside and no journal \(Journal.path(of: path)), so that damage "
          + "would not be found; what is made of it says so")
    }
    return file
  }
}
