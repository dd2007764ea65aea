#!/usr/bin/env bash
# scripts/demo.sh [--data PATH] [--keep DIR]: set-up, then the whole nightly job on a generated catalogue, or on a
# MovieLens folder with --data. The options are those of `repertoire demo`.
set -euo pipefail

ROOT="$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)"
"$ROOT/scripts/setup.sh"
JAVA_HOME="$(<"$ROOT/.venv/share/repertoire/java_home")"
export JAVA_HOME
exec "$ROOT/.venv/bin/repertoire" demo "$@"
