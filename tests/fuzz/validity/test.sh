#!/bin/bash
# The CTest test fuzz/validity: builds the fuzzer, judges the seeds and some ten thousand modules, with wabt's validation
# first and without. Skipped (exit 77) where wasmparser cannot be built.
# Usage: test.sh BUILD_DIR ORACLE_DIR MODULES   (and CMAKE_COMMAND, SPEC_DIR in the environment)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=$1
oracle=$2
modules=$3

"$here/build_oracle.sh" "$oracle"
"$CMAKE_COMMAND" --build "$build" --target guardc-fuzz-validity > "$oracle/build.log" 2>&1 || { cat "$oracle/build.log"; exit 1; }
corpus=("$here/../../../examples/guards")
[[ -d $SPEC_DIR ]] && corpus+=("$SPEC_DIR")
status=0
for first in wabt none; do
  "$build/bin/guardc-fuzz-validity" --first "$first" --replay "$here/seeds.txt" > "$oracle/seeds.log" ||
    { cat "$oracle/seeds.log"; status=1; }
  "$build/bin/guardc-fuzz-validity" --first "$first" --modules "$modules" --seed 1 --jobs 1 --corpus "${corpus[@]}" \
    --keep "$build/fuzz-findings" || status=1
done
exit $status
