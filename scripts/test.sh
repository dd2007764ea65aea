#!/usr/bin/env bash
# scripts/test.sh [--quick] [pytest arguments]: set-up, then style, layers, types and tests. Any of them can fail it.
# --cluster, which is pytest's: also the tests on a cluster of real daemons (tests/cluster), about half an hour more.
# --quick leaves out the type check and the tests that need Spark, but for those marked quick. Paths among the arguments count from the project's folder.
set -euo pipefail

cd -- "$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)"
scripts/setup.sh --browser
JAVA_HOME="$(<.venv/share/repertoire/java_home)"
export JAVA_HOME

quick=''
if [[ "${1:-}" == --quick ]]; then
    quick=1
    shift
else
    scripts/airflow.sh setup
fi

# All that Python and Spark leave for later goes here, and goes away with the run; what linters remember is in .cache.
SCRATCH="$(mktemp -d)"
trap 'rm -rf "$SCRATCH"' EXIT
export TMPDIR="$SCRATCH" SPARK_LOCAL_DIRS="$SCRATCH" HYPOTHESIS_STORAGE_DIRECTORY="$PWD/.cache/hypothesis"

failed=()
check() { # NAME COMMAND...
    printf '== %s\n' "$1"
    "${@:2}" || failed+=("$1")
}

bin=.venv/bin
check "style (ruff check)" "$bin/ruff" check
check "format (ruff format)" "$bin/ruff" format --check
check "layers (lint-imports)" "$bin/lint-imports" --no-logo --cache-dir .cache/import-linter
# Two processes share the work, file by file: each has a Spark of its own, which alone leaves half of two cores idle.
pytest=("$bin/pytest" --numprocesses 2 --dist loadfile --no-loadscope-reorder)
if [[ -z "$quick" ]]; then
    check "types (mypy)" "$bin/mypy" lib/repertoire
    check "tests (pytest)" "${pytest[@]}" --durations 40 --durations-min 5 "$@"
else
    check "quick tests (pytest)" "${pytest[@]}" --quick "$@"
fi

if ((${#failed[@]})); then
    printf 'failed: %s\n' "${failed[@]}" >&2
    exit 1
fi
