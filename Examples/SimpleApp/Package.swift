// swift-tools-version: 6.0
import PackageDescription

// An application that forecasts its own load: everything in one process, without any setup.
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
