import Checkpoints
import Foundation
import Statistics
import Testing

@testable import Transformer

extension PublishedSettingsTests {
  /// 20,000 of them with one to three values in the place of others, or without them.
  @Test func mutantsAreReadOrRefused() throws {
    let folder = NSTemporaryDirectory() + "bathyscope-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try SafetensorsFile.write(
      [(name: "a", shape: [1], values: [1])], metadata: [:], to: folder + "/model.safetensors")
    let hostile: [Any] = [
      NSNull(), true, false, 0, 1, -1, 2, 3, 0.5, -2.5, 1e308, 1e-320, Int.max, Int.min, "", "x",
      "default", "yarn", "linear", "llama3", "full_attention", "silu", [] as [Any], [1, 2],
      ["full_attention"], [:] as [String: Any], ["rope_type": "yarn", "factor": 0],
      ["rope_type": "llama3", "factor": 8], ["full_attention": ["rope_theta": 1]],
    ]
    let seeds = try (published.values.sorted() + refused.values.map(\.settings).sorted()).map {
      try #require(
        try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
    }
    var random = SeededGenerator(seed: 5)
    var accepted = 0
    for round in 0..<20_000 {
      var settings = seeds[round % seeds.count]
      for _ in 0...random.index(below: 3) {
        let keys = settings.keys.sorted()
        let key = keys[random.index(below: keys.count)]
        let value = hostile[random.index(below: hostile.count)]
        switch random.index(below: 4) {
        case 0: settings[key] = nil
        case 1:
          if var inner = settings[key] as? [String: Any], let name = inner.keys.sorted().first {
            inner[name] = value
            settings[key] = inner
          } else {
            settings[key] = value
          }
        default: settings[key] = value
        }
        if settings.isEmpty { settings = seeds[0] }
      }
      try JSONSerialization.data(withJSONObject: settings).write(
        to: URL(fileURLWithPath: folder + "/config.json"))
      guard let read = try? Architectures.read(Checkpoint.open(folder)) else { continue }
      accepted += 1
      let shape = read.shape
      #expect(shape.layers > 0 && shape.heads > 0 && shape.heads % shape.keyValueHeads == 0)
      #expect(shape.dModel > 0 && shape.dHead > 0 && shape.dMLP > 0 && shape.dVocabulary > 0)
    }
    #expect((500..<19_500).contains(accepted), "\(accepted)")
  }
}
