import ArgumentParser
import Bathyscope

@main
struct BathyscopeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "bathyscope")
}
