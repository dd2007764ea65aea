#!/usr/bin/env bash
# scripts/cluster.sh up|down|status|env [hdfs|yarn|standalone|history|all]: a cluster on this machine, to try Repertoire on.
# Real daemons on loopback, each a process with a log of its own: a NameNode and 2 DataNodes, a ResourceManager and 2
# NodeManagers, a Spark master and 2 workers, the history server. All of it lies in .cluster/, or in $REPERTOIRE_CLUSTER;
# Hadoop's jars are fetched to .cluster/ once.
# up starts what is not running; down stops what up started, and keeps what HDFS holds; status is 0 if all is up.
#   eval "$(scripts/cluster.sh env)"     sets HADOOP_CONF_DIR and the like, for scripts/submit.sh and spark-submit
set -euo pipefail

ROOT="$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)"
"$ROOT/scripts/setup.sh"
JAVA_HOME="$(<"$ROOT/.venv/share/repertoire/java_home")"
export JAVA_HOME
exec "$ROOT/.venv/bin/python" "$ROOT/scripts/cluster/cluster.py" "$@"
