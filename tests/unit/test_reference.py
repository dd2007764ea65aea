"""What is generated from the code is up to date, and says the same as the code."""

import runpy
from pathlib import Path

import pytest
import yaml

from repertoire.settings import Settings, load_settings

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS: dict[str, str] = runpy.run_path(str(ROOT / "scripts" / "generate_reference.py"))["documents"]()


@pytest.mark.parametrize("path", DOCUMENTS)
def test_the_file_is_what_the_code_says(path: str) -> None:
    assert (ROOT / path).read_text(encoding="utf-8") == DOCUMENTS[path], "run scripts/generate_reference.py"


def test_the_base_settings_are_the_defaults() -> None:
    tree = {}
    for file in (ROOT / "conf" / "base").glob("*.yaml"):
        tree |= yaml.safe_load(file.read_text(encoding="utf-8"))
    assert Settings.model_validate(tree) == Settings()
    assert set(tree) == set(Settings.model_fields)


@pytest.mark.parametrize("env", ["local", "cluster"])
def test_the_overlays_load(env: str) -> None:
    assert load_settings(conf=ROOT / "conf", env=env)
