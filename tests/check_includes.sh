#!/bin/sh
# Rooms include only what lies behind their arrows: base <- artifact <- compiler, artifact <- loader <- runtime <- gateway.
# Usage: check_includes.sh SOURCE_DIR. Prints every include that crosses a wall, and every call of a JSON parser.
set -eu
cd "$1"

# check ROOM ALLOWED_ROOMS [EXCEPT]: quoted includes of the room's files may begin with one of the allowed rooms.
status=0
check() {
  found=$(find "$1" -path "${3:-}" -prune -o \( -name '*.h' -o -name '*.cc' \) -print | xargs -r grep -nE '^[[:space:]]*#[[:space:]]*include "' /dev/null |
    grep -vE "#[[:space:]]*include \"($2)/" || true)
  if [ -n "$found" ]; then
    printf '%s may include only (%s):\n%s\n' "$1" "$2" "$found"
    status=1
  fi
}
check include/guardc 'guardc'
check base 'guardc|base'
check artifact 'guardc|base|artifact'
check compiler 'guardc|base|artifact|compiler' compiler/tool
check loader 'guardc|base|artifact|loader'
check runtime 'guardc|base|artifact|loader|runtime'
check gateway 'guardc|base|artifact|loader|runtime|gateway'
# The commands: guardc itself must not need the compiler, which sits behind guardc-compiler.
check tools 'guardc|base|artifact|loader|runtime|gateway|tools'
check compiler/tool 'guardc|base|artifact|loader|compiler|tools'

# floors LAYER FOLDERS...: from the bottom up, with | between folders of one floor. A folder includes itself and what lies
# below; what lies beside no folder is on top.
floors() {
  layer=$1
  shift
  below=''
  for floor; do
    for folder in $(echo "$floor" | tr '|' ' '); do
      found=$(find "$layer/$folder" -name '*.h' -o -name '*.cc' | xargs grep -nE "#[[:space:]]*include \"$layer/" /dev/null |
        grep -vE "#[[:space:]]*include \"$layer/($folder$below)/" || true)
      if [ -n "$found" ]; then
        printf '%s/%s may include of its layer only (%s):\n%s\n' "$layer" "$folder" "$folder$below" "$found"
        status=1
      fi
    done
    below="$below|$floor"
  done
}
floors gateway json 'policy|flow' answers pool

# Libraries that one room keeps to itself.
# only WHERE PATTERN WHAT: files outside WHERE whose includes match PATTERN.
only() {
  found=$(grep -rnE "^[[:space:]]*#[[:space:]]*include [<\"]($2)" include base artifact compiler loader runtime gateway tools \
    --include='*.h' --include='*.cc' | grep -vE "^($1)" || true)
  if [ -n "$found" ]; then
    printf 'only %s may include %s:\n%s\n' "$1" "$3" "$found"
    status=1
  fi
}
only 'compiler/' '(llvm|lld)/' 'LLVM and LLD'
only 'compiler/frontend/' 'wabt/' 'wabt'
only 'base/hash\.cc' 'openssl/' 'libcrypto'
only 'base/log\.cc' 'spdlog/' 'spdlog'
only 'base/format\.h' 'fmt/' 'fmt'
only 'loader/' 'dlfcn\.h' 'dlopen'
only 'gateway/json/json_simd\.cc' 'simdjson' 'simdjson'

# nlohmann's parser takes a NUL byte for the end of the text: only what checks the text before may call it.
found=$(grep -rnE '\b[Jj]son::(parse|accept|sax_parse)\(' include base artifact compiler loader runtime gateway tools \
  --include='*.h' --include='*.cc' | grep -v '^base/json\.cc:' || true)
if [ -n "$found" ]; then
  printf 'only base/json.cc may call a parser of nlohmann-json; others call ParseJson():\n%s\n' "$found"
  status=1
fi
exit $status
