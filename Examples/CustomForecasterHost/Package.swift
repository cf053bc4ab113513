// swift-tools-version: 6.0
import PackageDescription

// A service of its own made of this project's libraries.
let package = Package(
  name: "CustomForecasterHost",
  dependencies: [.package(name: "kedastral", path: "../..")],
  targets: [
    .executableTarget(
      name: "CustomForecasterHost",
      dependencies: [
        .product(name: "KedastralCore", package: "kedastral"), .product(name: "KedastralGRPC", package: "kedastral"),
        .product(name: "KedastralNet", package: "kedastral"),
        .product(name: "KedastralRedisStore", package: "kedastral"),
      ])
  ],
  swiftLanguageModes: [.v6]
)
