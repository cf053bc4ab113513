// swift-tools-version: 6.0
import PackageDescription

// A package of its own that uses KedastralCore alone; it builds on a machine that has none of the C libraries.
let package = Package(
  name: "EmbedCore",
  dependencies: [.package(name: "kedastral", path: "../..")],
  targets: [
    .executableTarget(
      name: "EmbedCore", dependencies: [.product(name: "KedastralCore", package: "kedastral")]),
    .testTarget(name: "EmbedCoreTests", dependencies: ["EmbedCore"]),
  ],
  swiftLanguageModes: [.v6]
)
