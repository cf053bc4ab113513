// swift-tools-version: 6.0
import PackageDescription

// A capacity policy, and the tests that show how KedastralTesting helps; no C library is needed.
let package = Package(
  name: "CapacityPolicyTests",
  dependencies: [.package(name: "kedastral", path: "../..")],
  targets: [
    .target(name: "SizeLadder", dependencies: [.product(name: "KedastralCore", package: "kedastral")]),
    .testTarget(
      name: "SizeLadderTests",
      dependencies: [
        "SizeLadder", .product(name: "KedastralModels", package: "kedastral"),
        .product(name: "KedastralTesting", package: "kedastral"),
      ]),
  ],
  swiftLanguageModes: [.v6]
)
