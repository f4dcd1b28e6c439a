#!/usr/bin/env bash
# Shows that another Swift package can use this one by path: builds one that consists of README's example, and runs it.
# Takes some minutes, for it builds this package's libraries anew.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
"$root/scripts/bootstrap"

consumer=$(mktemp -d)
trap 'rm -rf "$consumer"' EXIT
mkdir -p "$consumer/Sources/consumer"
cp "$root/Examples/embed-picture/main.swift" "$consumer/Sources/consumer/main.swift"
cat >"$consumer/Package.swift" <<MANIFEST
// swift-tools-version: 6.0
import PackageDescription

let package = Package(
  name: "consumer",
  platforms: [.macOS(.v15)],
  dependencies: [.package(path: "$root")],
  targets: [
    .executableTarget(
      name: "consumer",
      dependencies: [.product(name: "VisionJEPA", package: "$(basename "$root")")])
  ])
MANIFEST
swift build --package-path "$consumer" >"$consumer/log" 2>&1 || { tail -n 30 "$consumer/log" >&2; exit 1; }

# Without a checkpoint it can only say how it is called; with one, embed a picture.
if [ $# -eq 2 ]; then
  "$consumer/.build/debug/consumer" "$1" "$2"
else
  usage=$("$consumer/.build/debug/consumer" 2>&1 || true)
  grep -q "usage: embed-picture" <<<"$usage" || { echo "consumer: unexpected output: $usage" >&2; exit 1; }
fi
echo "consumer: a package that depends on this one by path builds and runs"
