#!/bin/bash
# Builds oracle/ (wasmparser) into TARGET_DIR/release: build_oracle.sh TARGET_DIR. Exit 77 where this machine cannot: no
# cargo, one that is too old, crates that cannot be had.
set -euo pipefail
oracle=$(cd "$(dirname "$0")/oracle" && pwd)
target=${1:?usage: build_oracle.sh TARGET_DIR}

wanted=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' "$oracle/Cargo.toml")
cargo=$(command -v cargo || command -v "$HOME/.cargo/bin/cargo" || true)
if [[ -z $cargo ]]; then
  echo "validity: no cargo here, which builds wasmparser: install Rust $wanted or newer" >&2
  exit 77
fi
found=$("$cargo" --version | cut -d' ' -f2)
if [[ $(printf '%s\n' "$wanted" "$found" | sort -V | head -n 1) != "$wanted" ]]; then
  echo "validity: $cargo is $found, wasmparser needs $wanted or newer" >&2
  exit 77
fi
if ! "$cargo" fetch --quiet --locked --manifest-path "$oracle/Cargo.toml"; then
  echo "validity: cargo cannot fetch wasmparser, which is needed once" >&2
  exit 77
fi
# Not what the environment says for other projects: the target folder and the flags are ours.
env -u CARGO_BUILD_TARGET -u RUSTFLAGS "$cargo" build --quiet --release --locked \
  --manifest-path "$oracle/Cargo.toml" --target-dir "$target"
