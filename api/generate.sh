#!/bin/bash
# Generates Sources/Core/API from the .proto files here: the Swift messages and the embedded descriptor set.
# Needs protoc (Debian: protobuf-compiler); the Swift plug-in is built from the package's own checkout.
set -euo pipefail
cd "$(dirname "$0")/.."
out=Sources/Core/API
checkout=.build/checkouts/swift-protobuf
[ -d "$checkout" ] || swift package resolve
plugin=${PROTOC_GEN_SWIFT:-}
if [ -z "$plugin" ]; then
    swift build --package-path "$checkout" -c release --product protoc-gen-swift --scratch-path .build/protoc-gen-swift
    plugin=.build/protoc-gen-swift/release/protoc-gen-swift
fi
google=$checkout/Protos/Sources/SwiftProtobuf
mapfile -t files < <(cd api && find . -name '*.proto' | sed 's|^\./||' | LC_ALL=C sort)
rm -f "$out"/*.pb.swift
protoc -I api -I "$google" --plugin=protoc-gen-swift="$plugin" \
    --swift_opt=Visibility=Public --swift_opt=FileNaming=PathToUnderscores --swift_out="$out" "${files[@]}"
set=$(mktemp)
trap 'rm -f "$set"' EXIT
protoc -I api -I "$google" --include_imports --descriptor_set_out="$set" "${files[@]}"
python3 api/embed.py "$set" > "$out/DescriptorSetBytes.swift"
