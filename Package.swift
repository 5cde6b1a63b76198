// swift-tools-version: 6.2
// Targets mirror the folders of docs/architecture.md; the laws between them are enforced here at compile time.
import PackageDescription

let base: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]
let safe = base + [.strictMemorySafety()]

let package = Package(
    name: "sluice",
    products: [
        .executable(name: "tcp-proxy", targets: ["TCPProxyMain"])
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: [
        // C libraries as modules. Each is imported by exactly one Swift folder.
        .systemLibrary(
            name: "CLibevent", path: "Sources/CModules/CLibevent", pkgConfig: "libevent",
            providers: [.apt(["libevent-dev"])]),
        .target(
            name: "CCares", path: "Sources/CModules/CCares", linkerSettings: [.linkedLibrary("cares")]),
        .target(name: "CLinux", path: "Sources/CModules/CLinux"),
        .target(
            name: "CRE2", path: "Sources/CModules/CRE2", linkerSettings: [.linkedLibrary("re2")]),

        // The core, from the leaves up.
        .target(name: "CoreBytes", path: "Sources/Core/Bytes", swiftSettings: safe),
        .target(name: "HTTPCodec", dependencies: ["CoreBytes"], path: "Sources/Core/HTTPCodec", swiftSettings: safe),
        .target(
            name: "ConfigAPI", dependencies: [.product(name: "SwiftProtobuf", package: "swift-protobuf")],
            path: "Sources/Core/API"),
        .target(
            name: "CoreConfig",
            dependencies: [
                "ConfigAPI", .product(name: "SwiftProtobuf", package: "swift-protobuf"),
                .product(name: "Yams", package: "Yams"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Sources/Core/Config", swiftSettings: base),
        .target(
            name: "Core",
            dependencies: [
                "CoreBytes", "HTTPCodec", "ConfigAPI", "CoreConfig", "CLibevent", "CCares", "CLinux", "CRE2",
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
            ],
            path: "Sources/Core", exclude: ["Bytes", "HTTPCodec", "API", "Config"], swiftSettings: base),

        // tcp-proxy
        .target(
            name: "TCPProxy", dependencies: ["Core", "CoreBytes", "ConfigAPI", "CoreConfig"], path: "Sources/TCPProxy",
            exclude: ["Main"], swiftSettings: base),
        .executableTarget(
            name: "TCPProxyMain", dependencies: ["TCPProxy", "Core", "CoreConfig"], path: "Sources/TCPProxy/Main",
            swiftSettings: base),

        .testTarget(name: "CoreBytesTests", dependencies: ["CoreBytes", "CLinux"], swiftSettings: base),
        .testTarget(name: "HTTPCodecTests", dependencies: ["HTTPCodec", "CoreBytes"], swiftSettings: base),
        .testTarget(name: "CoreConfigTests", dependencies: ["CoreConfig", "ConfigAPI"], swiftSettings: base),
        .testTarget(
            name: "CoreTests",
            dependencies: [
                "Core", "CoreBytes", "ConfigAPI", "CoreConfig",
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
            ], swiftSettings: base),
        .testTarget(
            name: "TCPProxyTests",
            dependencies: [
                "TCPProxy", "Core", "CoreBytes", "ConfigAPI", "CoreConfig",
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
            ], swiftSettings: base),
    ],
    cxxLanguageStandard: .cxx17
)

// Fuzz targets need the fuzzer's runtime for their main, so they exist only for scripts/fuzz.py.
if Context.environment["SLUICE_FUZZ"] != nil {
    package.targets += [
        .target(name: "FuzzMain", path: "Tests/Fuzz/Main"),
        .executableTarget(
            name: "FuzzHTTP1", dependencies: ["FuzzMain", "HTTPCodec", "CoreBytes"], path: "Tests/Fuzz/HTTP1",
            swiftSettings: base + [.unsafeFlags(["-parse-as-library"])]),
        .executableTarget(
            name: "FuzzConfig", dependencies: ["FuzzMain", "CoreConfig"], path: "Tests/Fuzz/Config",
            swiftSettings: base + [.unsafeFlags(["-parse-as-library"])]),
    ]
}
