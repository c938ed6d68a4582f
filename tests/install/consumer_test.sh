#!/bin/sh
# Usage: consumer_test.sh BUILD_DIR CONSUMER_SOURCE WORK_DIR CXX LIBDIR. Run by ctest (install/consumer).
set -eu
build=$1 source=$2 work=$3 cxx=$4 libdir=$5
prefix=$work/prefix
rm -rf "$prefix" "$work/cmake-build" "$work"/by-pkg-config*

"$CMAKE_COMMAND" --install "$build" --prefix "$prefix" >"$work/install.log"
for file in include/guardc/module.h include/guardc/version.h "$libdir/cmake/guardc/guardcConfig.cmake" \
  "$libdir/pkgconfig/guardc.pc" "$libdir/pkgconfig/guardc-guard.pc" bin/guardc share/man/man1/guardc.1 \
  share/man/man1/guardc-compile.1 share/bash-completion/completions/guardc share/zsh/site-functions/_guardc \
  share/fish/vendor_completions.d/guardc.fish; do
  [ -e "$prefix/$file" ] || { echo "not installed: $file"; exit 1; }
done

# The consumer prints "not_cached": an empty cache holds nothing.
run() {
  output=$("$@" "$work/no-cache")
  [ "$output" = not_cached ] || { echo "$1 printed '$output', expected 'not_cached'"; exit 1; }
}

"$CMAKE_COMMAND" -S "$source" -B "$work/cmake-build" -DCMAKE_CXX_COMPILER="$cxx" -DCMAKE_PREFIX_PATH="$prefix" \
  -DWITH_COMPILER="$WITH_COMPILER" >"$work/cmake.log"
"$CMAKE_COMMAND" --build "$work/cmake-build" >>"$work/cmake.log" || { cat "$work/cmake.log"; exit 1; }
for consumer in consumer light_consumer full_consumer; do
  run "$work/cmake-build/$consumer"
done
# Each of these costs every process that maps it. (A sanitizer's own libraries need the shared libstdc++.)
if [ -z "$SANITIZE" ] && ldd "$work/cmake-build/light_consumer" | grep -qE 'simdjson|stdc\+\+'; then
  echo "a program that links guardc::guard and a static libstdc++ links simdjson or a shared libstdc++"
  exit 1
fi
if ldd "$work/cmake-build/consumer" | grep -qE 'LLVM|wabt|libcrypto'; then
  echo "a program that only loads guards links what only the compiler needs, or the shared libcrypto"
  exit 1
fi
if [ "$WITH_COMPILER" = ON ]; then
  output=$("$work/cmake-build/compiler_consumer")
  [ "$output" = invalid_wasm ] || { echo "compiler_consumer printed '$output', expected 'invalid_wasm'"; exit 1; }
fi

# The flags of a sanitizer are not in guardc.pc.
if [ -z "$SANITIZE" ] && command -v pkg-config >/dev/null; then
  export PKG_CONFIG_PATH="$prefix/$libdir/pkgconfig"
  for pair in consumer:guardc-guard full_consumer:guardc; do
    program=$work/by-pkg-config-${pair%:*}
    # shellcheck disable=SC2046  # the flags are several words
    "$cxx" -std=c++23 "$source/${pair%:*}.cc" -o "$program" \
      $(pkg-config --cflags --libs "${pair#*:}") -Wl,-rpath,"$prefix/$libdir"
    run "$program"
  done
fi
rm -rf "$prefix" "$work/cmake-build" "$work"/by-pkg-config*
