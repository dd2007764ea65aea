#!/usr/bin/env bash
# scripts/submit.sh STAGE [--profile yarn|standalone|kubernetes|local] [--deploy-mode client|cluster] [--master URL]
#                         [--conf KEY=VALUE ...] --run-date D [--env cluster] [any option of the job ...]
# One stage on a cluster, or STAGE `run` for the whole job in one application. The first profile is yarn, the first deploy
# mode its own. Packages and uploads what has changed first (scripts/package.sh --upload $REPERTOIRE_UPLOAD).
# Needs HADOOP_CONF_DIR for yarn and hdfs://;  eval "$(scripts/cluster.sh env)"  sets it for the cluster of scripts/cluster.sh.
# Exit codes are the job's, in both deploy modes: 0 done, 1 failed, 2 wrong input or settings, 3 refused.
set -euo pipefail

ROOT="$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)"
fail() {
    printf 'submit: %s\n' "$*" >&2
    exit 2
}

stages() { for job in "$ROOT"/jobs/*.py; do basename "$job" .py; done | paste -sd ' '; }

(($#)) || fail "which stage? One of: $(stages)"
stage="$1"
shift
[[ -f "$ROOT/jobs/$stage.py" ]] || fail "there is no stage $stage. Known: $(stages)"

profile=yarn deploy_mode='' master='' submit=() job=()
while (($#)); do
    case "$1" in
        --profile | --deploy-mode | --master | --conf)
            (($# > 1)) || fail "$1 needs a value"
            case "$1" in
                --profile) profile="$2" ;;
                --deploy-mode) deploy_mode="$2" ;;
                --master) master="$2" ;;
                --conf) submit+=(--conf "$2") ;;
            esac
            shift
            ;;
        *) job+=("$1") ;;
    esac
    shift
done
[[ -f "$ROOT/conf/spark/$profile.conf" ]] || fail "there is no profile $profile. Known: local yarn standalone kubernetes"
[[ "$profile" != standalone || "$deploy_mode" != cluster ]] ||
    fail "Spark takes no Python program in standalone's cluster deploy mode. Allowed: --deploy-mode client, or --profile yarn."
if [[ "$profile" == standalone ]]; then
    master="${master:-${REPERTOIRE_MASTER:-}}"
    [[ -n "$master" ]] || fail "which master? --master spark://HOST:7077, or REPERTOIRE_MASTER"
fi
[[ "$profile" != yarn || -n "${HADOOP_CONF_DIR:-}" ]] ||
    fail "HADOOP_CONF_DIR is not set: the folder of the cluster's core-site.xml and yarn-site.xml."

"$ROOT/scripts/setup.sh"
JAVA_HOME="$(<"$ROOT/.venv/share/repertoire/java_home")"
export JAVA_HOME
cd -- "$ROOT"
properties="conf/spark/$profile.conf"
if [[ "$profile" != local ]]; then
    scripts/package.sh --upload ${REPERTOIRE_UPLOAD:+"$REPERTOIRE_UPLOAD"} >&2
    properties="dist/spark/$profile.conf"
fi
export PATH="$ROOT/.venv/bin:$PATH" # spark-submit asks the python3 there for Spark
command=(spark-submit --properties-file "$properties" ${master:+--master "$master"}
    ${deploy_mode:+--deploy-mode "$deploy_mode"} "${submit[@]}" "jobs/$stage.py" "${job[@]}")
[[ "$deploy_mode" == cluster ]] || exec "${command[@]}"

# spark-submit says 1 for whatever became of a driver on the cluster, and names the driver's own code in its log.
log="$(mktemp)"
trap 'rm -f "$log"' EXIT
code=0
"${command[@]}" 2> >(tee "$log" >&2) || code=$?
wait
if ((code)); then
    application="$(grep -o 'application_[0-9_]*' "$log" | head -n 1)"
    [[ -z "$application" ]] || printf 'submit: what the driver said: yarn logs -applicationId %s -log_files stdout -am 1\n' "$application" >&2
    own="$(sed -n 's/.*diagnostics: User application exited with status \([0-9]*\).*/\1/p' "$log" | tail -n 1)"
    code="${own:-$code}"
fi
exit "$code"
