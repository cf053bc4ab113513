// swift-tools-version: 6.0
import PackageDescription

// An application that forecasts itself: everything in one process, nothing to set up.
let package = Package(
  name: "SimpleApp",
  dependencies: [.package(name: "kedastral", path: "../..")],
  targets: [
    .executableTarget(
      name: "SimpleApp",
      dependencies: [
        .product(name: "Kedastral", package: "kedastral"), .product(name: "KedastralTesting", package: "kedastral"),
      ])
  ],
  swiftLanguageModes: [.v6]
)
