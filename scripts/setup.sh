#!/usr/bin/env bash
# Makes .venv ready: Python, Java, the packages of requirements.lock, the `repertoire` command, the two Delta jars.
# Does only what is missing, says nothing when nothing is, and may be run twice at once.
# --browser: Debian's Chromium too, for the tests of the report; they are skipped where it cannot be had.
# Exit codes: 0 ready, 1 a step failed (run it again), 2 something must be installed by hand first.
set -euo pipefail

ROOT="$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)"
VENV="$ROOT/.venv"
STATE="$VENV/share/repertoire"
JARS="$STATE/jars"
JAR_SUMS="$ROOT/scripts/delta-jars.sha256"
RECIPE=(requirements.lock setup.py scripts/setup.sh scripts/ivysettings.xml scripts/delta-jars.sha256)
# pyspark comes as source, so its build needs setuptools; pinned here because requirements.lock holds only what runs.
BUILD_TOOLS=(pip==26.3 setuptools==84.2.1)
JAVA_ASKED="${JAVA_HOME:-}"
CHROMIUM="${REPERTOIRE_CHROMIUM:-/usr/bin/chromium}"
BROWSER_WANTED=''

# Each of these would send packages elsewhere, or make pip believe that they are installed already.
unset PYTHONPATH PYTHONHOME PIP_USER PIP_TARGET PIP_PREFIX PIP_ROOT

say() { printf 'set-up: %s\n' "$*" >&2; }
fail() {
    say "$1"
    say "Then try again: scripts/setup.sh (what is done already is kept)"
    exit 1
}

# ---- is there anything to do? ----------------------------------------------------------------------------------------

recipe_key() { (cd "$ROOT" && { printf '%s\n' "$ROOT"; cat "${RECIPE[@]}"; } | sha256sum | cut -d ' ' -f 1); }

# The stamp: the recipe's key, then the JAVA_HOME that Java was chosen under.
up_to_date() {
    local stamp=() java_home
    [[ -f "$STATE/stamp" && -f "$STATE/java_home" && -x "$VENV/bin/repertoire" && -x "$VENV/bin/python" ]] || return 1
    mapfile -t stamp <"$STATE/stamp"
    java_home="$(<"$STATE/java_home")"
    [[ "${stamp[0]:-}" == "$KEY" && ("${stamp[1]:-}" == "$JAVA_ASKED" || "$java_home" == "$JAVA_ASKED") ]] || return 1
    [[ -x "$java_home/bin/java" ]] || return 1
    while read -r _ jar; do [[ -s "$JARS/$jar" ]] || return 1; done <"$JAR_SUMS"
}

# ---- Python and Java -------------------------------------------------------------------------------------------------

# Sets PYTHON to a Python >= 3.11 that can make a venv. The distribution's own comes first: it can be packed for a cluster.
find_python() {
    local candidate
    for candidate in /usr/bin/python3.1{1,2,3,4} /usr/bin/python3 python3.1{1,2,3,4} python3; do
        command -v "$candidate" >/dev/null 2>&1 || continue
        if "$candidate" -c 'import sys, ensurepip, venv, ssl, ctypes; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            PYTHON="$(command -v "$candidate")"
            return
        fi
    done
    return 1
}

# java_facts BIN: sets FOUND_HOME and FOUND_VERSION, asking Java itself, since BIN may be a link or a version manager's shim.
java_facts() {
    local facts
    facts="$("$1" -XshowSettings:properties -version 2>&1)" || return 1
    FOUND_HOME="$(sed -n 's/^ *java\.home = //p' <<<"$facts")"
    FOUND_VERSION="$(sed -n 's/^ *java\.version = //p' <<<"$facts")"
    [[ -n "$FOUND_VERSION" && -x "$FOUND_HOME/bin/java" ]]
}

# java_rank VERSION: 2 for what Spark 4.2 is tested on most (17, 21), 1 for newer ones that it can run on, 0 for the rest.
java_rank() {
    local major="${1%%[!0-9]*}"
    case "$1" in
        17 | 17.* | 21 | 21.*) echo 2 ;;
        25 | 25.0.[12] | 25.0.[12][!0-9]*) echo 0 ;; # JDK-8377811: the collector may move pinned objects; fixed in 25.0.3
        *) if ((${major:-0} > 17)); then echo 1; else echo 0; fi ;;
    esac
}

# Sets JAVA: JAVA_HOME's if it will do, else the first 17 or 21 of those on PATH and in /usr/lib/jvm, else a newer one.
find_java() {
    local bin real rank second='' second_version='' seen=' '
    JAVA=''
    for bin in ${JAVA_ASKED:+"$JAVA_ASKED/bin/java"} "$(command -v java || true)" /usr/lib/jvm/*/bin/java; do
        if [[ ! -x "$bin" ]]; then
            [[ "$bin" != "$JAVA_ASKED/bin/java" ]] || say "JAVA_HOME=$JAVA_ASKED holds no bin/java: looking elsewhere"
            continue
        fi
        real="$(readlink -f -- "$bin")"
        [[ "$seen" != *" $real "* ]] || continue
        seen+="$real "
        if ! java_facts "$bin"; then
            say "$bin does not start: looking elsewhere"
            continue
        fi
        rank="$(java_rank "$FOUND_VERSION")"
        if ((rank == 0)); then
            say "$bin is Java $FOUND_VERSION, and Spark 4.2 needs 17, 21, or 25 from 25.0.3 on: looking elsewhere"
        elif ((rank == 2)) || [[ "$bin" == "$JAVA_ASKED/bin/java" ]]; then
            JAVA="$FOUND_HOME"
            return
        elif [[ -z "$second" ]]; then
            second="$FOUND_HOME" second_version="$FOUND_VERSION"
        fi
    done
    [[ -n "$second" ]] || return 1
    say "no Java 17 or 21 here: taking Java $second_version"
    JAVA="$second"
}

apt_candidate() { apt-cache policy "$1" 2>/dev/null | sed -n 's/^ *Candidate: \([^(].*\)/\1/p'; }

may_install() { command -v apt-get >/dev/null && ((EUID == 0)); }

# The lock is not handed on (9>&-): a package may start a service that outlives this script.
apt_update() {
    say "updating apt's lists"
    apt-get update -qq >/dev/null 2>&1 9>&- || say "apt-get update failed in part: going on with the lists it has"
}

# apt_install PACKAGE...: with apt's last words if it fails.
apt_install() {
    local log
    log="$(mktemp)"
    say "installing $*"
    if ! DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=300 \
        "$@" >"$log" 2>&1 9>&-; then
        tail -n 25 "$log" >&2
        rm -f "$log"
        return 1
    fi
    rm -f "$log"
}

# first_package NAME...: the first that this distribution offers, else the first.
first_package() {
    local name
    for name in "$@"; do
        if [[ -n "$(apt_candidate "$name")" ]]; then
            echo "$name"
            return
        fi
    done
    echo "$1"
}

# Sets the caller's `packages` to what fills its need_python and need_java.
missing_packages() {
    local own
    packages=()
    if [[ -n "$need_python" ]]; then
        own="$(apt_candidate python3)"
        if [[ -n "$own" ]] && dpkg --compare-versions "$own" lt 3.11; then # it may offer a newer one beside its own
            packages+=("$(first_package python3.11-venv python3.12-venv python3.13-venv)")
        else
            packages+=(python3 python3-venv)
        fi
    fi
    if [[ -n "$need_java" ]]; then
        packages+=("$(first_package openjdk-17-jre-headless openjdk-21-jre-headless default-jre-headless)")
    fi
}

find_or_install_python_and_java() {
    local need_python='' need_java='' packages=()
    find_python || need_python=1
    find_java || need_java=1
    [[ -n "$need_python$need_java" ]] || return 0

    if may_install; then
        apt_update
        missing_packages
        apt_install "${packages[@]}" || fail "apt-get could not install ${packages[*]}: see its words above."
        need_python='' need_java=''
        find_python || need_python=1
        find_java || need_java=1
        [[ -n "$need_python$need_java" ]] || return 0
    fi

    [[ -z "$need_python" ]] || say "missing: Python 3.11 or newer with its venv module"
    [[ -z "$need_java" ]] || say "missing: Java 17 or 21 (a JRE will do; point JAVA_HOME at one that lies elsewhere)"
    if command -v apt-get >/dev/null; then
        missing_packages
        say "Install it:  sudo apt-get update && sudo apt-get install -y ${packages[*]}"
    fi
    say "Then run scripts/setup.sh again."
    exit 2
}

# ---- .venv and its packages ------------------------------------------------------------------------------------------

pip_install() {
    local quiet=()
    [[ -t 2 ]] || quiet=(-q)
    "$VENV/bin/python" -m pip install "${quiet[@]}" --no-input --disable-pip-version-check "$@" >&2
}

install_packages() {
    [[ "$(cat "$STATE/packages" 2>/dev/null)" != "$KEY" || ! -x "$VENV/bin/repertoire" ]] || return 0
    # A venv that a killed set-up left half-filled, that was moved, or whose Python has gone is not worth mending.
    if [[ -e "$VENV" ]] && { [[ -e "$STATE/installing" || "$(cat "$STATE/root" 2>/dev/null)" != "$ROOT" ]] ||
        ! "$VENV/bin/python" -c 'import sys, pip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }; then
        say "making .venv anew: the one there is unfinished, was moved here, or its Python is gone"
        rm -rf "$VENV"
    fi
    if [[ ! -e "$VENV" ]]; then
        say "making .venv with $PYTHON"
        "$PYTHON" -m venv "$VENV" || fail "$PYTHON could not make $VENV: see its words above."
    fi
    mkdir -p "$STATE"
    rm -f "$STATE/stamp" "$STATE/packages"
    printf '%s\n' "$ROOT" >"$STATE/root"

    say "installing $(grep -c '^[^#]' "$ROOT/requirements.lock") packages (Spark is 450 MB, TensorFlow 600 MB; a few minutes)"
    : >"$STATE/installing"
    if ! pip_install "${BUILD_TOOLS[@]}" ||
        ! pip_install --no-deps --no-build-isolation --no-compile -r "$ROOT/requirements.lock" ||
        ! pip_install --no-deps --no-build-isolation -e "$ROOT"; then
        rm -f "$STATE/installing" # pip itself ended, and undoes what it cannot finish
        fail "pip could not install requirements.lock: see its words above (a network or a proxy, most often)."
    fi
    # pip compiles one file after the other; here every core takes part. A package's own templates may not compile: let be.
    "$VENV/bin/python" -m compileall -qq -j 0 "$VENV/lib" >/dev/null || true
    local misfit
    misfit="$("$VENV/bin/python" -m pip --disable-pip-version-check check 2>&1)" ||
        fail "requirements.lock does not fit setup.py: $misfit"
    rm -f "$STATE/installing"
    printf '%s\n' "$KEY" >"$STATE/packages"
}

# ---- the Delta jars --------------------------------------------------------------------------------------------------

jar_is_good() { [[ -f "$1" ]] && [[ "$(sha256sum <"$1" | cut -d ' ' -f 1)" == "$2" ]]; }

fetch_jars() {
    local sum jar module revision delta ivy=("$VENV"/lib/python3.*/site-packages/pyspark/jars/ivy-2.*.jar)
    delta="$("$VENV/bin/python" -c 'from importlib.metadata import version; print(version("delta-spark"))')"
    mkdir -p "$JARS"
    rm -rf "$STATE"/fetching.* "$STATE"/archiving.*
    while read -r sum jar; do
        jar_is_good "$JARS/$jar" "$sum" && continue
        module="${jar%-*}"
        revision="${jar##*-}"
        revision="${revision%.jar}"
        [[ "$revision" == "$delta" ]] ||
            fail "scripts/delta-jars.sha256 names $jar, but requirements.lock has delta-spark $delta: make them agree."

        say "fetching $jar"
        SCRATCH="$(mktemp -d "$STATE/fetching.XXXXXX")"
        "$JAVA/bin/java" -Divy.default.ivy.user.dir="$SCRATCH/ivy" -jar "${ivy[0]}" \
            -settings "$ROOT/scripts/ivysettings.xml" -dependency io.delta "$module" "$revision" -notransitive \
            -confs default -retrieve "$SCRATCH/[artifact]-[revision].[ext]" >"$SCRATCH/log" 2>&1 || true
        if ! jar_is_good "$SCRATCH/$jar" "$sum"; then
            [[ ! -f "$SCRATCH/$jar" ]] ||
                fail "$jar came with another sha256 than scripts/delta-jars.sha256 has ($sum), so it is not used."
            tail -n 25 "$SCRATCH/log" >&2
            say "io.delta:$module:$revision could not be had from Maven Central: see the words above."
            say "Behind a proxy, set JAVA_TOOL_OPTIONS='-Dhttps.proxyHost=HOST -Dhttps.proxyPort=PORT'."
            fail "Without a network, put the jar there by hand: $JARS/$jar"
        fi
        mv -f "$SCRATCH/$jar" "$JARS/$jar"
        rm -rf "$SCRATCH"
    done <"$JAR_SUMS"
    for jar in "$JARS"/*.jar; do # those of an earlier version would come onto the class path too
        grep -qF "  ${jar##*/}" "$JAR_SUMS" || rm -f "$jar"
    done
}

# ---- the class archive -----------------------------------------------------------------------------------------------

# Runs the job once on a tiny log and keeps the classes that it loads in the form in which the JVM maps them into memory:
# every later run starts 5 seconds sooner. Without it, all works.
archive_classes() {
    rm -f "$STATE/classes.jsa"
    say "archiving Spark's classes"
    SCRATCH="$(mktemp -d "$STATE/archiving.XXXXXX")"
    awk 'BEGIN { print "user_id,item_id,event_ts"; for (u = 0; u < 40; u++) for (i = 0; i < 12; i++)
        printf "u%d,i%d,2024-01-%02dT12:00:00Z\n", u, (u * 7 + i * i) % 50, 1 + i }' >"$SCRATCH/log.csv"
    # The JVM writes the archive after the command has ended; the pipe is open until then.
    if TMPDIR="$SCRATCH" SPARK_LOCAL_DIRS="$SCRATCH" JAVA_HOME="$JAVA" "$VENV/bin/repertoire" recommend "$SCRATCH/log.csv" \
        --out "$SCRATCH/out" --set "spark.java_options=-XX:TieredStopAtLevel=1 -XX:ArchiveClassesAtExit=$SCRATCH/classes.jsa" \
        2>&1 | cat >"$SCRATCH/log" && [[ -s "$SCRATCH/classes.jsa" ]]; then
        mv -f "$SCRATCH/classes.jsa" "$STATE/classes.jsa"
    else
        tail -n 5 "$SCRATCH/log" >&2
        say "the classes could not be archived: Spark will start more slowly"
    fi
    rm -rf "$SCRATCH"
}

# ---- the browser of the report's tests -------------------------------------------------------------------------------

# Tried once for each recipe: without a network apt-get takes its time to say so.
get_browser() {
    [[ -n "$BROWSER_WANTED" && ! -x "$CHROMIUM" ]] || return 0
    if [[ "$CHROMIUM" == /usr/bin/chromium && "$(cat "$STATE/no_browser" 2>/dev/null)" != "$KEY" ]] && may_install; then
        apt_update
        if [[ -n "$(apt_candidate chromium)" ]] && apt_install chromium && [[ -x "$CHROMIUM" ]]; then
            rm -f "$STATE/no_browser"
            return 0
        fi
        printf '%s\n' "$KEY" >"$STATE/no_browser"
    fi
    say "no Chromium in $CHROMIUM: the tests of the report in a browser will be skipped."
    say "Install it:  sudo apt-get update && sudo apt-get install -y chromium   (or name one in REPERTOIRE_CHROMIUM)"
}

# ----------------------------------------------------------------------------------------------------------------------

case "${1:-}" in
    '') ;;
    --browser) BROWSER_WANTED=1 ;;
    *)
        say "unknown option $1. Usage: scripts/setup.sh [--browser]"
        exit 2
        ;;
esac

KEY="$(recipe_key)"
if up_to_date; then
    get_browser
    exit 0
fi

# The lock is on a file that is there anyway: nothing to leave behind. Opened for writing because NFS asks for that; never
# written. Not on this script: Linux starts no program that is open for writing.
exec 9<>"$ROOT/requirements.lock"
if ! flock -n 9; then
    say "another set-up is at work here: waiting for it"
    flock 9
    if up_to_date; then
        get_browser
        exit 0
    fi
fi

SCRATCH=''
trap '[[ -z "$SCRATCH" ]] || rm -rf "$SCRATCH"' EXIT
find_or_install_python_and_java
install_packages
fetch_jars
printf '%s\n' "$JAVA" >"$STATE/java_home.new" && mv -f "$STATE/java_home.new" "$STATE/java_home"
archive_classes
printf '%s\n' "$KEY" "$JAVA_ASKED" >"$STATE/stamp.new" && mv -f "$STATE/stamp.new" "$STATE/stamp"
say "ready in $SECONDS s: .venv/bin/repertoire, Java in $JAVA"
get_browser
