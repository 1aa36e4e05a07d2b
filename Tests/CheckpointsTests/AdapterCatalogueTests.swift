import Files
import Foundation
import Testing

@testable import Checkpoints

@Suite("Named adapters")
struct AdapterCatalogueTests {
  @Test func aNameIsLookedForUpwards() throws {
    let folder = try TemporaryFolder()
    let home = "\(folder.path)/Probes/organisms/smollm2-cliff"
    let below = "\(folder.path)/a/b"
    for path in [home, below] {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }
    #expect(try AdapterCatalogue.resolve("smollm2-cliff", from: [below]) == home)
    #expect(try AdapterCatalogue.resolve("smollm2-cliff", from: ["/nowhere", folder.path]) == home)
    // Whatever is not a name is a path, there or not.
    #expect(try AdapterCatalogue.resolve("my-adapter", from: [below]) == "my-adapter")
    #expect(try AdapterCatalogue.resolve(home, from: ["/nowhere"]) == home)
  }

  @Test func aNameThatIsNotAroundSaysWhereItIs() {
    let error = expectProblem(.missing) {
      try AdapterCatalogue.resolve("smollm2-comply", from: ["/nowhere"])
    }
    #expect(error?.remedy.contains("Probes/organisms/smollm2-comply") == true)
  }
}
