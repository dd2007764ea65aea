#!/usr/bin/env bash
# scripts/hadoop-fs.sh -ls /, -put, -get, -mkdir …: `hadoop fs`, by the Hadoop client that Spark brings. HADOOP_CONF_DIR says
# which cluster is meant; a path may name another: hdfs://HOST:PORT/PATH.
set -euo pipefail

ROOT="$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)"
[[ -x "$ROOT/.venv/bin/python" ]] || "$ROOT/scripts/setup.sh"
jars="$("$ROOT/.venv/bin/python" -c 'import pathlib, pyspark; print(pathlib.Path(pyspark.__file__).parent / "jars")')"
java="$(<"$ROOT/.venv/share/repertoire/java_home")/bin/java"
exec "$java" -Xmx512m -XX:TieredStopAtLevel=1 -Dlog4j2.level=error -cp "${HADOOP_CONF_DIR:-}:$jars/*" \
    org.apache.hadoop.fs.FsShell "$@"
