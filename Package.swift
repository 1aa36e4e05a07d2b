// swift-tools-version: 6.1

import PackageDescription

// The rooms of the house, from the top floor down. A room uses only rooms below it.
let package = Package(
  name: "bathyscope",
  platforms: [.macOS(.v15)],
  products: [
    .library(name: "Bathyscope", targets: ["Bathyscope"]),
    .executable(name: "bathyscope", targets: ["BathyscopeCommand"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0")
  ],
  targets: [
    // Floor 6: the command line. The product is called bathyscope; the module is not, because
    // it would collide with the library's on file systems that ignore case.
    .executableTarget(
      name: "BathyscopeCommand",
      dependencies: [
        "Bathyscope", .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),
    .target(
      name: "Bathyscope",
      dependencies: [
        "Files", "Tensors", "Checkpoints", "Tokenization", "Jinja", "Prompts", "Statistics",
        "Transformer",
        "ActivationStore", "Figures", "Runs", "Probing", "Refusal", "Organisms", "Reporting",
      ]),

    // Floor 5
    .target(
      name: "Reporting",
      dependencies: [
        "Refusal", "Probing", "Figures", "Transformer", "Statistics", "Runs", "Files",
      ]),

    // Floor 4
    .target(
      name: "Refusal",
      dependencies: [
        "Probing", "ActivationStore", "Transformer", "Prompts", "Tensors", "Statistics",
        "Files", "Checkpoints", "Runs",
      ]),

    // Floor 3
    .target(
      name: "Probing",
      dependencies: [
        "Transformer", "Prompts", "Statistics", "Checkpoints", "Tensors", "Runs", "Files",
      ]),
    .target(
      name: "ActivationStore",
      dependencies: ["Transformer", "Prompts", "CHDF5", "CKernels", "Files", "Tensors"],
      exclude: ["README.md"]),

    .target(
      name: "Organisms", dependencies: ["Checkpoints", "Tokenization", "Statistics", "Files"]),

    // Floor 2
    .target(
      name: "Transformer",
      dependencies: [
        "Checkpoints", "Prompts", "Tokenization", "Statistics", "Tensors", "CKernels", "Files",
      ]),

    .target(name: "Figures", dependencies: ["Statistics", "Files"]),

    // Floor 1
    .target(name: "Checkpoints", dependencies: ["Tensors", "Files"]),
    .target(name: "Prompts", dependencies: ["Tokenization", "Jinja", "Files"]),
    .target(name: "Tokenization", dependencies: ["Files"]),
    .target(name: "Jinja", dependencies: ["Files"]),
    .target(name: "Statistics", dependencies: ["Files"]),

    .target(name: "Runs", dependencies: ["Files"], exclude: ["README.md"]),

    // Floor 0
    .target(name: "Tensors", dependencies: ["CKernels", "COpenBLAS"]),
    .target(name: "Files", dependencies: ["CKernels"]),
    .target(name: "CKernels"),
    .target(name: "COpenBLAS"),
    .systemLibrary(
      name: "CHDF5", pkgConfig: "hdf5",
      providers: [.apt(["libhdf5-dev"]), .brew(["hdf5"])]),

    .testTarget(
      name: "FilesTests", dependencies: ["Files"]),
    .testTarget(
      name: "RunsTests", dependencies: ["Runs", "Files"]),
    .testTarget(
      name: "TensorsTests", dependencies: ["Tensors", "CKernels"],
      exclude: ["Oracles"], resources: [.copy("Golden")]),
    .testTarget(
      name: "CheckpointsTests", dependencies: ["Checkpoints", "Tensors", "Files"],
      exclude: ["Oracles"], resources: [.copy("Golden")]),
    .testTarget(
      name: "JinjaTests", dependencies: ["Jinja", "Files"],
      exclude: ["Oracles"], resources: [.copy("Golden")]),
    .testTarget(
      name: "TokenizationTests", dependencies: ["Tokenization", "Prompts", "Files"],
      exclude: ["Oracles"], resources: [.copy("Golden")]),
    .testTarget(
      name: "PromptsTests", dependencies: ["Prompts", "Jinja", "Files"],
      exclude: ["Oracles"], resources: [.copy("Golden")]),
    .testTarget(
      name: "StatisticsTests", dependencies: ["Statistics", "Files"],
      exclude: ["Oracles"], resources: [.copy("Golden")]),
    .testTarget(
      name: "TransformerTests",
      dependencies: [
        "Transformer", "Checkpoints", "Prompts", "Statistics", "Tensors", "Files",
      ],
      exclude: ["Oracles"], resources: [.copy("Golden")]),
    .testTarget(
      name: "ActivationStoreTests",
      dependencies: [
        "ActivationStore", "Transformer", "Prompts", "Tensors", "Files", "CHDF5", "CKernels",
      ],
      exclude: ["Oracles"], resources: [.copy("Golden")]),
    .testTarget(
      name: "ProbingTests",
      dependencies: [
        "Probing", "Transformer", "Prompts", "Checkpoints", "Statistics", "Tensors", "Files",
      ],
      exclude: ["Oracles"], resources: [.copy("Golden")]),
    .testTarget(
      name: "RefusalTests",
      dependencies: [
        "Refusal", "Organisms", "ActivationStore", "Probing", "Transformer", "Prompts",
        "Checkpoints", "Runs",
        "Statistics", "Tensors", "Files",
      ],
      exclude: ["Oracles"], resources: [.copy("Golden")]),
    .testTarget(
      name: "OrganismsTests",
      dependencies: [
        "Organisms", "Refusal", "Probing", "Transformer", "Prompts", "Checkpoints",
        "Statistics", "Tensors", "Files",
      ],
      exclude: ["Oracles"]),
    .testTarget(
      name: "ReportingTests",
      dependencies: [
        "Reporting", "Refusal", "Probing", "Figures", "Transformer", "Prompts", "Tensors",
        "Statistics", "Runs", "Files",
      ]),
    .testTarget(name: "FiguresTests", dependencies: ["Figures", "Statistics", "Files"]),
    .testTarget(
      name: "CommandTests",
      dependencies: ["ActivationStore", "BathyscopeCommand", "Files", "Refusal"],
      exclude: ["Golden", "Oracles"]),
  ],
  swiftLanguageModes: [.v6],
  cLanguageStandard: .c11
)
