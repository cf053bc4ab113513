// swift-tools-version: 6.0
import PackageDescription

// For `kedastral version`. From the environment and not from the checkout, because SwiftPM would keep an older commit.
let commit = Context.environment["KEDASTRAL_COMMIT"] ?? ""

// Modules and their allowed dependencies: docs/architecture.md. A product that needs only KedastralCore builds without any C library.
let package = Package(
  name: "kedastral",
  // Linux for all of it; the core, models, evaluation, testing and the store in memory are kept free of what macOS 15 lacks.
  platforms: [.macOS(.v15)],
  products: [
    .library(name: "Kedastral", targets: ["Kedastral"]),
    .library(name: "KedastralCore", targets: ["KedastralCore"]),
    .library(name: "KedastralModels", targets: ["KedastralModels"]),
    .library(name: "KedastralEvaluation", targets: ["KedastralEvaluation"]),
    .library(name: "KedastralMemoryStore", targets: ["KedastralMemoryStore"]),
    .library(name: "KedastralDaemon", targets: ["KedastralDaemon"]),
    .library(name: "KedastralTesting", targets: ["KedastralTesting"]),
    .executable(name: "kedastral", targets: ["kedastral"]),
    .executable(name: "kedastral-forecaster", targets: ["kedastral-forecaster"]),
    .executable(name: "kedastral-scaler", targets: ["kedastral-scaler"]),
    .executable(name: "multi-app-demo", targets: ["multi-app-demo"]),
  ],
  targets: [
    // The domain: the standard library and FoundationEssentials alone.
    .target(name: "KedastralCore"),
    .target(name: "KedastralModels", dependencies: ["KedastralCore"]),
    .target(name: "KedastralEvaluation", dependencies: ["KedastralCore", "KedastralModels"]),
    .target(name: "KedastralTesting", dependencies: ["KedastralCore"]),
    .target(
      name: "KedastralMemoryStore", dependencies: ["KedastralCore"], path: "Sources/KedastralStorage/Memory"),

    .target(
      name: "KedastralRedisStore", dependencies: ["KedastralCore", "KedastralNet", "CHiredis"],
      path: "Sources/KedastralStorage/Redis"),

    // I/O: the event loop and what speaks a protocol on it.
    .target(name: "KedastralNet", dependencies: ["CEvent", "COpenSSL"]),
    .target(
      name: "KedastralSources",
      dependencies: [
        "KedastralCore", "KedastralNet", "KedastralGRPC", "CCurl", "CEvent", "CExternalScaler", "CSnappy",
      ]),
    .target(
      name: "KedastralGRPC", dependencies: ["KedastralCore", "KedastralNet", "CNghttp2", "CZlib", "CExternalScaler"]),
    .target(
      name: "KedastralHTTP", dependencies: ["KedastralCore", "KedastralNet", "CEvent"],
      resources: [
        .embedInCode("Page/page.html"), .embedInCode("Page/page.css"), .embedInCode("Page/page.js"),
        .embedInCode("Page/list.js"), .embedInCode("Page/card.js"), .embedInCode("Page/workload.js"),
        .embedInCode("Page/feed.js"), .embedInCode("Page/plan.js"), .embedInCode("Page/chart.js"),
        .embedInCode("Page/range.js"), .embedInCode("Page/past.js"),
        .embedInCode("Page/icon.svg"),
      ]),
    .target(name: "KedastralKubernetes", dependencies: ["KedastralCore", "KedastralNet", "KedastralSources"]),

    // The front door: a service of one import.
    .target(
      name: "Kedastral",
      dependencies: [
        "KedastralCore", "KedastralModels", "KedastralMemoryStore", "KedastralRedisStore", "KedastralSources",
        "KedastralNet", "KedastralGRPC", "KedastralHTTP",
      ]),

    // Hosts: the daemons, the command line, and executables of a few lines.
    .target(
      name: "KedastralDaemon",
      dependencies: [
        "Kedastral", "KedastralCore", "KedastralModels", "KedastralRedisStore", "KedastralSources", "KedastralNet",
        "KedastralGRPC", "KedastralHTTP", "KedastralKubernetes", "CYAML",
      ],
      path: "Sources/Hosts/KedastralDaemon"),
    .target(
      name: "KedastralCommandLine",
      dependencies: [
        "KedastralCore", "KedastralModels", "KedastralEvaluation", "KedastralMemoryStore", "KedastralRedisStore",
        "KedastralSources", "KedastralGRPC", "KedastralHTTP", "KedastralNet", "Kedastral", "KedastralDaemon", "CBuild",
      ],
      path: "Sources/Hosts/KedastralCommandLine"),
    .target(name: "CBuild", cSettings: [.define("KEDASTRAL_COMMIT", to: "\"\(commit)\"")]),
    .executableTarget(name: "kedastral", dependencies: ["KedastralCommandLine"], path: "Sources/Hosts/kedastral"),
    .executableTarget(
      name: "kedastral-forecaster", dependencies: ["KedastralDaemon"], path: "Sources/Hosts/kedastral-forecaster"),
    .executableTarget(
      name: "kedastral-scaler", dependencies: ["KedastralDaemon"], path: "Sources/Hosts/kedastral-scaler"),
    .executableTarget(
      name: "kedastral-bench",
      dependencies: [
        "KedastralCore", "KedastralModels", "KedastralMemoryStore", "KedastralRedisStore", "KedastralNet",
        "KedastralGRPC", "KedastralHTTP", "KedastralSources", "KedastralTesting", "Kedastral",
      ],
      path: "Sources/Hosts/kedastral-bench"),

    // The demonstration's application and its load; here, not in a package of its own, so that it is built once with the rest.
    .executableTarget(
      name: "multi-app-demo",
      dependencies: ["KedastralCore", "KedastralNet", "KedastralHTTP", "KedastralSources", "KedastralTesting"],
      path: "Examples/multi-app-redis/DemoApp"),

    // C libraries, as Debian packages them.
    .systemLibrary(name: "CEvent", pkgConfig: "libevent_openssl", providers: [.apt(["libevent-dev"])]),
    .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(name: "CNghttp2", pkgConfig: "libnghttp2", providers: [.apt(["libnghttp2-dev"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(name: "CSnappy", pkgConfig: "snappy", providers: [.apt(["libsnappy-dev"])]),
    // By the module map alone: hiredis's pkg-config file carries a flag that SwiftPM warns of.
    .systemLibrary(name: "CHiredis", providers: [.apt(["libhiredis-dev"])]),
    .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
    .systemLibrary(name: "CProtobufC", pkgConfig: "libprotobuf-c", providers: [.apt(["libprotobuf-c-dev"])]),
    .systemLibrary(name: "CCurlLibrary", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
    .target(name: "CCurl", dependencies: ["CCurlLibrary"]),
    .target(name: "CExternalScaler", dependencies: ["CProtobufC"]),

    // Tests, one target for each module; Support starts the real servers.
    .target(name: "CTestWidth", path: "Tests/CTestWidth"),
    .target(
      name: "TestSupport", dependencies: ["KedastralCore", "KedastralTesting", "CTestWidth"], path: "Tests/Support"),
    .testTarget(
      name: "KedastralCoreTests", dependencies: ["KedastralCore", "KedastralModels", "KedastralTesting", "TestSupport"]),
    .testTarget(
      name: "KedastralModelsTests", dependencies: ["KedastralModels", "KedastralTesting", "TestSupport"],
      exclude: ["Models/Fixtures", "Calendar/Fixtures"]),
    .testTarget(
      name: "KedastralEvaluationTests", dependencies: ["KedastralEvaluation", "KedastralTesting", "TestSupport"]),
    .testTarget(name: "KedastralMemoryStoreTests", dependencies: ["KedastralMemoryStore", "KedastralTesting"]),
    .testTarget(
      name: "KedastralRedisStoreTests",
      dependencies: ["KedastralRedisStore", "KedastralModels", "KedastralNet", "KedastralTesting", "TestSupport"]),
    .testTarget(name: "KedastralNetTests", dependencies: ["KedastralNet", "TestSupport"]),
    .testTarget(
      name: "KedastralSourcesTests",
      dependencies: [
        "KedastralSources", "KedastralNet", "KedastralTesting", "TestSupport", "CSnappy",
      ]),
    .testTarget(
      name: "KedastralKubernetesTests",
      dependencies: ["KedastralKubernetes", "KedastralSources", "KedastralNet", "KedastralTesting", "TestSupport"],
      exclude: ["Double"]),
    .testTarget(name: "KedastralGRPCTests", dependencies: ["KedastralGRPC", "KedastralTesting", "TestSupport"]),
    .testTarget(
      name: "KedastralHTTPTests",
      dependencies: ["KedastralHTTP", "KedastralMemoryStore", "KedastralModels", "KedastralTesting", "TestSupport"]),
    .testTarget(
      name: "KedastralDaemonTests",
      dependencies: [
        "KedastralDaemon", "KedastralGRPC", "KedastralHTTP", "KedastralKubernetes", "KedastralModels", "KedastralNet",
        "KedastralRedisStore", "KedastralSources", "KedastralTesting", "TestSupport",
      ]),
    .testTarget(
      name: "KedastralCommandLineTests",
      dependencies: ["KedastralCommandLine", "KedastralDaemon", "KedastralTesting", "TestSupport"]),
    // Which folder uses which, as the sources say.
    .testTarget(name: "LayoutTests", dependencies: ["TestSupport"]),
    // What users, other versions and other programs see, as it was recorded.
    .testTarget(
      name: "GoldenTests",
      dependencies: [
        "KedastralCore", "KedastralModels", "KedastralRedisStore", "KedastralHTTP", "KedastralNet", "KedastralTesting",
        "TestSupport",
      ],
      exclude: ["Fixtures"]),
  ],
  swiftLanguageModes: [.v6]
)

// Without C libraries (scripts/test-core): the core, what tests it, and the store in memory.
if Context.environment["KEDASTRAL_CORE"] != nil {
  let kept = ["KedastralCore", "KedastralModels", "KedastralEvaluation", "KedastralTesting", "KedastralMemoryStore"]
  let tests = kept.map { $0 + "Tests" } + ["TestSupport", "CTestWidth"]
  package.targets.removeAll { !(kept + tests).contains($0.name) }
  package.products.removeAll { !kept.contains($0.name) }
}

// Fuzzing (scripts/fuzz): a target that exists only on request, so that packages which import this one do not see it.
if Context.environment["KEDASTRAL_FUZZ"] != nil {
  package.targets.append(
    .executableTarget(
      name: "kedastral-fuzz",
      dependencies: [
        "KedastralCore", "KedastralModels", "KedastralEvaluation", "KedastralNet", "KedastralTesting", "KedastralGRPC",
        "KedastralHTTP", "KedastralRedisStore", "KedastralSources", "KedastralKubernetes", "KedastralDaemon",
      ],
      path: "Fuzz", exclude: ["Corpus"],
      swiftSettings: [.unsafeFlags(["-parse-as-library"])]))
}
