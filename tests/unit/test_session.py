"""Whose disk a path without a scheme names."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from repertoire.errors import SettingsError
from repertoire.session import _refuse_another_disk

_WRITE = """
import sys
from repertoire.session import start_session
from repertoire.settings import SparkSettings
spark = start_session(SparkSettings(master="local[1]", driver_memory="512m"), app="test")
spark.range(1).write.parquet(sys.argv[1])
"""


def test_a_local_run_writes_to_this_disk_whatever_hadoop_is_configured_with(spark: Any, tmp_path: Path) -> None:
    site = (
        "<configuration><property><name>fs.defaultFS</name><value>hdfs://127.0.0.1:1</value></property></configuration>"
    )
    (tmp_path / "core-site.xml").write_text(site)
    out = tmp_path / "out"
    environment = os.environ | {"HADOOP_CONF_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", _WRITE, str(out)], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert list(out.glob("part-*.parquet"))


def test_a_warehouse_on_this_disk_is_refused_where_executors_would_write_elsewhere() -> None:
    stopped: list[bool] = []
    hadoop = SimpleNamespace(get=lambda name: "hdfs://name-node:8020" if name == "fs.defaultFS" else None)
    session = SimpleNamespace(
        _jsc=SimpleNamespace(hadoopConfiguration=lambda: hadoop),
        conf=SimpleNamespace(get=lambda name, otherwise: "yarn"),
        stop=lambda: stopped.append(True),
    )
    with pytest.raises(SettingsError, match="hdfs://name-node:8020/PATH"):
        _refuse_another_disk(cast(Any, session))
    assert stopped
