// swift-tools-version: 6.1

import PackageDescription

// A package of its own, so that no user of the library ever builds it; README.md says how to run it.
// It builds the rooms that read files, and only those, through links to their sources.
let package = Package(
  name: "fuzzing",
  platforms: [.macOS(.v15)],
  targets: [
    .target(name: "CKernels"),
    .target(name: "COpenBLAS"),
    .target(name: "Tensors", dependencies: ["CKernels", "COpenBLAS"]),
    .target(name: "Files", dependencies: ["CKernels"]),
    .target(name: "Checkpoints", dependencies: ["Tensors", "Files"]),
    .target(name: "Tokenization", dependencies: ["Files"]),
    .target(name: "Jinja", dependencies: ["Files"]),
    .target(name: "Prompts", dependencies: ["Tokenization", "Jinja", "Files"]),
    .executableTarget(name: "fuzz-safetensors", dependencies: ["Checkpoints"]),
    .executableTarget(name: "fuzz-gguf", dependencies: ["Checkpoints"]),
    .executableTarget(name: "fuzz-folder", dependencies: ["Checkpoints", "Files"]),
    .executableTarget(name: "fuzz-tokenizer", dependencies: ["Tokenization"]),
    .executableTarget(name: "fuzz-jinja", dependencies: ["Prompts", "Jinja", "Files"]),
  ],
  swiftLanguageModes: [.v6],
  cLanguageStandard: .c11
)
