// swift-tools-version: 6.1

import PackageDescription

// What can only be measured through the library: a package of its own, so that nobody who uses the
// library builds it.
let package = Package(
  name: "benchmarks",
  platforms: [.macOS(.v15)],
  dependencies: [.package(name: "bathyscope", path: "..")],
  targets: [
    .executableTarget(
      name: "probe-benchmark", dependencies: [.product(name: "Bathyscope", package: "bathyscope")],
      path: "Sources/ProbeBenchmark"),
    .executableTarget(
      name: "patch-benchmark", dependencies: [.product(name: "Bathyscope", package: "bathyscope")],
      path: "Sources/PatchBenchmark"),
  ],
  swiftLanguageModes: [.v6]
)
