// swift-tools-version: 6.0
import PackageDescription

// A service of its own made of this project's libraries.
let package = Package(
  name: "CustomForecasterHost",
  dependencies: [.package(name: "kedastral", path: "../..")],
  targets: [
    .executableTarget(
      name: "CustomForecasterHost",
      dependencies: [.product(name: "Kedastral", package: "kedastral")])
  ],
  swiftLanguageModes: [.v6]
)
