#!/usr/bin/env bash
# scripts/package.sh [--upload [FOLDER]]: what nodes need that have only Java and Python, into dist/:
#   repertoire.zip        the wheel
#   environment.tar.gz    the packages that it needs, relocatable; Spark's own come from the cluster or with the job
#   conf.zip              the settings, for drivers that run on the cluster
#   spark-jars.zip        Spark's own jars, for YARN
# --upload copies them and Delta's jars to FOLDER (hdfs:///apps/repertoire), each once: names carry a hash of the
# content. It writes dist/spark/yarn.conf and the like, which are the profiles of conf/spark with these places.
# What is there already is neither built nor sent again.
set -euo pipefail

ROOT="$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)"
"$ROOT/scripts/setup.sh"
JAVA_HOME="$(<"$ROOT/.venv/share/repertoire/java_home")"
export JAVA_HOME
exec "$ROOT/.venv/bin/python" "$ROOT/scripts/package/package.py" "$@"
