#!/usr/bin/env bash
# scripts/airflow.sh COMMAND: Airflow for the DAG in scripts/airflow/, on this machine only, in .airflow/. docs/airflow.md has more.
#   setup             makes .airflow/venv from scripts/airflow/requirements.lock, and a database; does only what is missing
#   test DATE [JSON]  the DAG once for a day, in this process, without a scheduler; JSON: parameters of the run
#   up                scheduler, DAG processor and API server as processes of their own; a second up changes nothing
#   down, status      ends what up started, and says what of it is alive
#   backfill FROM TO  runs of these days and all between, by the scheduler; further arguments go to `airflow backfill create`
#   cli ARGS...       any command of Airflow's, such as: cli dags unpause repertoire_nightly
# REPERTOIRE_AIRFLOW names another file than conf/airflow/nightly.yaml, REPERTOIRE_AIRFLOW_HOME another folder than .airflow/home.
# Exit codes: 0 done, 1 a step failed (run it again), 2 wrong arguments.
set -euo pipefail

ROOT="$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)"
VENV="$ROOT/.airflow/venv"
STATE="$VENV/share/repertoire"
HOME_DIR="$(realpath -m -- "${REPERTOIRE_AIRFLOW_HOME:-$ROOT/.airflow/home}")"
DAEMONS=(api-server scheduler dag-processor)

unset PYTHONPATH PYTHONHOME PIP_USER PIP_TARGET PIP_PREFIX PIP_ROOT

say() { printf 'airflow: %s\n' "$*" >&2; }
fail() {
    say "$1"
    exit 1
}

# ---- set-up ----------------------------------------------------------------------------------------------------------

recipe_key() { { printf '%s\n' "$ROOT"; cat "$ROOT/scripts/airflow/requirements.lock"; } | sha256sum | cut -d ' ' -f 1; }

install_packages() {
    local key quiet=()
    key="$(recipe_key)"
    [[ "$(cat "$STATE/stamp" 2>/dev/null)" != "$key" || ! -x "$VENV/bin/airflow" ]] || return 0
    exec 9<>"$ROOT/scripts/airflow/requirements.lock" # as in scripts/setup.sh: never written
    flock 9
    [[ "$(cat "$STATE/stamp" 2>/dev/null)" != "$key" || ! -x "$VENV/bin/airflow" ]] || { exec 9>&-; return 0; }

    say "making .airflow/venv: $(grep -c '^[^#]' "$ROOT/scripts/airflow/requirements.lock") packages, about a minute"
    rm -rf "$VENV"
    mkdir -p "$ROOT/.airflow"
    "$ROOT/.venv/bin/python" -m venv "$VENV" || fail "$ROOT/.venv/bin/python could not make $VENV: see its words above."
    [[ -t 2 ]] || quiet=(-q)
    "$VENV/bin/python" -m pip install "${quiet[@]}" --no-input --disable-pip-version-check --no-deps --no-compile \
        -r "$ROOT/scripts/airflow/requirements.lock" >&2 ||
        fail "pip could not install scripts/airflow/requirements.lock: see its words above (a network or a proxy, most often)."
    "$VENV/bin/python" -m compileall -qq -j 0 "$VENV/lib" >/dev/null || true
    mkdir -p "$STATE"
    printf '%s\n' "$key" >"$STATE/stamp"
    exec 9>&-
}

# One database for each version of Airflow and each home.
prepare_database() {
    mkdir -p "$HOME_DIR/run" "$HOME_DIR/logs"
    [[ "$(cat "$HOME_DIR/migrated" 2>/dev/null)" != "$(recipe_key)" ]] || return 0
    exec 8>"$HOME_DIR/lock"
    flock 8
    if [[ "$(cat "$HOME_DIR/migrated" 2>/dev/null)" != "$(recipe_key)" ]]; then
        say "making the database in $HOME_DIR"
        airflow db migrate >"$HOME_DIR/logs/migrate.log" 2>&1 8>&- ||
            { tail -n 25 "$HOME_DIR/logs/migrate.log" >&2; fail "the database could not be made."; }
        recipe_key >"$HOME_DIR/migrated"
    fi
    exec 8>&-
}

setup() {
    "$ROOT/scripts/setup.sh"
    install_packages
    prepare_database
}

# ---- Airflow's own settings ------------------------------------------------------------------------------------------

# Nothing of it leaves this machine: the server listens on loopback, where everybody is an administrator.
use_home() {
    export AIRFLOW_HOME="$HOME_DIR" AIRFLOW__CORE__DAGS_FOLDER="$ROOT/scripts/airflow" AIRFLOW__CORE__LOAD_EXAMPLES=False
    # SQLite knows one writer at a time: on a busy machine the others need more patience than its five seconds.
    export AIRFLOW__DATABASE__SQL_ALCHEMY_CONN="sqlite:///$HOME_DIR/airflow.db?timeout=60"
    export AIRFLOW__CORE__EXECUTOR=LocalExecutor AIRFLOW__CORE__PARALLELISM="${AIRFLOW__CORE__PARALLELISM:-4}"
    export AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS=True AIRFLOW__API__HOST=127.0.0.1 AIRFLOW__API__WORKERS=1
    export AIRFLOW__USAGE_DATA_COLLECTION__ENABLED=False
    export NO_PROXY="127.0.0.1,localhost${NO_PROXY:+,$NO_PROXY}" no_proxy="127.0.0.1,localhost${no_proxy:+,$no_proxy}"
    [[ ! -f "$HOME_DIR/port" ]] || use_port "$(<"$HOME_DIR/port")"
}

use_port() {
    export AIRFLOW__API__PORT="$1" AIRFLOW__API__BASE_URL="http://127.0.0.1:$1"
    export AIRFLOW__CORE__EXECUTION_API_SERVER_URL="http://127.0.0.1:$1/execution/"
}

airflow() { "$VENV/bin/airflow" "$@"; }

# ask EXPRESSION: of the configuration, as `c`.
ask() { PYTHONPATH="$ROOT/scripts/airflow" "$VENV/bin/python" -c "
import sys
from repertoire_dag.configuration import ConfigurationError, load_configuration
try:
    c = load_configuration()
except ConfigurationError as error:
    sys.exit(f'airflow: {error}')
print($1)"; }

# The last port again if nothing listens there, else one that is free.
choose_port() {
    use_port "$("$VENV/bin/python" - "$(cat "$HOME_DIR/port" 2>/dev/null || echo 0)" <<'PYTHON'
import socket, sys

for port in (int(sys.argv[1]), 0):
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        print(probe.getsockname()[1])
        break
PYTHON
)"
    printf '%s\n' "$AIRFLOW__API__PORT" >"$HOME_DIR/port"
}

# ---- processes -------------------------------------------------------------------------------------------------------

# start_of PID: when it started, in ticks since boot; a later process with the same number has another.
start_of() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | awk '$1 != "Z" { print $20 }'; }

# alive NAME: sets PID to the daemon's, if it is the one that `up` started.
alive() {
    local started
    PID=''
    [[ -f "$HOME_DIR/run/$1" ]] || return 1
    read -r PID started <"$HOME_DIR/run/$1"
    [[ -n "$started" && "$(start_of "$PID")" == "$started" ]]
}

start_daemon() {
    local name="$1" before
    alive "$name" && return 0
    # A session of its own, so that `down` ends its children with it; no lock is handed on.
    setsid "$VENV/bin/airflow" "$name" >>"$HOME_DIR/logs/$name.log" 2>&1 </dev/null 8>&- 9>&- &
    before=$!
    printf '%s %s\n' "$before" "$(start_of "$before")" >"$HOME_DIR/run/$name"
}

answers() {
    "$VENV/bin/python" - "$AIRFLOW__API__BASE_URL/api/v2/monitor/health" <<'PYTHON' 2>/dev/null
import sys, urllib.request

urllib.request.build_opener(urllib.request.ProxyHandler({})).open(sys.argv[1], timeout=5)
PYTHON
}

up() {
    local name waited
    exec 7>"$HOME_DIR/up.lock"
    flock 7
    alive api-server || choose_port
    airflow pools set "$(ask c.pool)" "$(ask c.pool_slots)" "Spark jobs of Repertoire at once" >/dev/null 7>&-
    for name in "${DAEMONS[@]}"; do start_daemon "$name" 7>&-; done
    for ((waited = 0; waited < 120; waited++)); do
        ! answers || break
        alive api-server || fail "the API server ended: see $HOME_DIR/logs/api-server.log"
        sleep 1
    done
    answers || fail "the API server gives no answer after two minutes: see $HOME_DIR/logs/api-server.log"
    exec 7>&-
    say "up: $AIRFLOW__API__BASE_URL, logs in $HOME_DIR/logs. The DAG is paused until: scripts/airflow.sh cli dags unpause $(ask c.dag_id)"
}

# The scheduler ends the tasks that it runs, and they their spark-submit.
down() {
    local name waited pids=()
    for name in "${DAEMONS[@]}"; do
        if alive "$name"; then
            pids+=("$PID")
            kill -TERM -- "-$PID" 2>/dev/null || true
        fi
        rm -f "$HOME_DIR/run/$name"
    done
    for PID in "${pids[@]}"; do
        for ((waited = 0; waited < 40; waited++)); do
            kill -0 -- "-$PID" 2>/dev/null || break
            sleep 0.5
        done
        kill -KILL -- "-$PID" 2>/dev/null || true
    done
    say "down"
}

status() {
    local name
    for name in "${DAEMONS[@]}"; do
        if alive "$name"; then printf '%-14s process %s\n' "$name" "$PID"; else printf '%-14s not running\n' "$name"; fi
    done
    if [[ -f "$HOME_DIR/port" ]] && answers; then printf '%-14s %s\n' answers "$AIRFLOW__API__BASE_URL"; fi
}

# ----------------------------------------------------------------------------------------------------------------------

usage() {
    sed -n '2,11s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
    exit 2
}

is_date() { [[ "$1" =~ ^[0-9]{4}-[0-9]{2}-[0-9]{2}$ ]] && date -d "$1" >/dev/null 2>&1; }

# where_free ARGS...: a command of Airflow's, again while SQLite says that the scheduler holds its database: it does not wait where a
# transaction that has read begins to write.
where_free() {
    local output code attempt
    for attempt in 1 2 3 4 5; do
        code=0
        output="$("$VENV/bin/airflow" "$@" 2>&1)" || code=$?
        ((code)) && [[ "$output" == *"database is locked"* ]] || break
        say "the scheduler holds the database (try $attempt of 5)"
        sleep 2
    done
    printf '%s\n' "$output"
    return "$code"
}

command="${1:-}"
[[ $# -eq 0 ]] || shift
case "$command" in
    setup | up | down | status) (($# == 0)) || usage ;;
    test) if ! is_date "${1:-}" || (($# > 2)); then usage; fi ;;
    backfill) if ! is_date "${1:-}" || ! is_date "${2:-}"; then usage; fi ;;
    cli) (($# > 0)) || usage ;;
    *) usage ;;
esac

use_home
case "$command" in
    down | status)
        "$command"
        exit
        ;;
esac
setup
case "$command" in
    setup) ;;
    up) up ;;
    test)
        conf="$("$VENV/bin/python" -c 'import json, sys; print(json.dumps({**json.loads(sys.argv[2]), "run_date": sys.argv[1]}))' \
            "$1" "${2:-{\}}")" || fail "the parameters are not JSON: $2"
        exec "$VENV/bin/airflow" dags test "$(ask c.dag_id)" "$1" --conf "$conf"
        ;;
    backfill)
        where_free backfill create --dag-id "$(ask c.dag_id)" \
            --from-date "$(ask "__import__('datetime').datetime.fromisoformat('$1').replace(tzinfo=c.zone).isoformat()")" \
            --to-date "$(ask "__import__('datetime').datetime.fromisoformat('$2T23:59:59').replace(tzinfo=c.zone).isoformat()")" \
            --max-active-runs 1 "${@:3}"
        ;;
    cli) exec "$VENV/bin/airflow" "$@" ;;
esac
