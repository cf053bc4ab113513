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
        .product(name: "KedastralCore", package: "kedastral"), .product(name: "KedastralGRPC", package: "kedastral"),
        .product(name: "KedastralHTTP", package: "kedastral"),
        .product(name: "KedastralMemoryStore", package: "kedastral"),
        .product(name: "KedastralModels", package: "kedastral"),
        .product(name: "KedastralNet", package: "kedastral"),
        .product(name: "KedastralTesting", package: "kedastral"),
      ])
  ],
  swiftLanguageModes: [.v6]
)
