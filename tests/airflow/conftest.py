"""The modules of the DAG, importable here as far as they need no Airflow; and Airflow's Python for the rest."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
DAGS = ROOT / "scripts" / "airflow"
sys.path.append(str(DAGS))

InAirflow = Callable[..., Any]


@pytest.fixture(scope="session")
def airflow_python() -> Path:
    subprocess.run([str(ROOT / "scripts" / "airflow.sh"), "setup"], check=True, timeout=1200)
    return ROOT / ".airflow" / "venv" / "bin" / "python"


@pytest.fixture
def in_airflow(airflow_python: Path, tmp_path: Path) -> InAirflow:
    """Runs Python text in Airflow's Python with the DAG's folder on its path; gives what it passed to `give`.

    configuration: the text of a file that stands for conf/airflow/nightly.yaml.
    """

    def run(text: str, *, configuration: str = "", **environment: str) -> Any:
        file, given = tmp_path / "nightly.yaml", tmp_path / "given.json"
        file.write_text(configuration)
        script = f"import json\ndef give(it): open({str(given)!r}, 'w').write(json.dumps(it))\n{text}"
        ran = subprocess.run(
            [str(airflow_python), "-c", script],
            env=os.environ
            | {
                "PYTHONPATH": str(DAGS),
                "AIRFLOW_HOME": str(tmp_path / "airflow"),
                "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
                "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
                "REPERTOIRE_AIRFLOW": str(file),
            }
            | environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr[-4000:] + ran.stdout[-2000:]
        return json.loads(given.read_text())

    return run
