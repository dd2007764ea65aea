"""conf/airflow/nightly.yaml: every default is in the file, mistakes are told, the day's zone is that of the settings."""

import datetime as dt
from pathlib import Path

import pytest
import yaml

from repertoire.pipeline.stages import STAGES
from repertoire_dag.configuration import Configuration, ConfigurationError, StageRange, load_configuration, time_zone
from repertoire_dag.stage_list import stage_list

pytestmark = pytest.mark.quick

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "conf" / "airflow" / "nightly.yaml"


def test_the_file_holds_every_key_with_its_default() -> None:
    assert load_configuration(FILE) == Configuration()
    tree = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    assert tree == Configuration().model_dump(by_alias=True, mode="python") | {"start_date": dt.date(2026, 1, 1)}


def test_a_mistake_is_told_with_its_key_and_its_value(tmp_path: Path) -> None:
    file = tmp_path / "nightly.yaml"
    file.write_text("retries: -1\nspark: {mastr: yarn}\n")
    with pytest.raises(ConfigurationError, match="retries: .*received -1") as raised:
        load_configuration(file)
    assert "spark.mastr: Extra inputs are not permitted (received 'yarn')" in str(raised.value)
    with pytest.raises(ConfigurationError, match="REPERTOIRE_AIRFLOW names another"):
        load_configuration(tmp_path / "nowhere.yaml")


def test_the_zone_is_the_one_that_the_stages_read(tmp_path: Path) -> None:
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "run.yaml").write_text("run: {timezone: UTC}\n")
    (tmp_path / "cluster.yaml").write_text("run: {timezone: Europe/Berlin}\n")
    assert time_zone(tmp_path, None, []) == "UTC"
    assert time_zone(tmp_path, "cluster", []) == "Europe/Berlin"
    assert time_zone(tmp_path, "cluster", ["run.seed=1", "run.timezone=Asia/Tokyo"]) == "Asia/Tokyo"


def test_the_stages_are_those_of_the_job_cut_to_a_range() -> None:
    names = [stage.name for stage in STAGES]
    assert [stage.name for stage in stage_list(StageRange())] == names
    cut = stage_list(StageRange.model_validate({"from": names[1], "to": names[3]}))
    assert [stage.name for stage in cut] == names[1:4]
    with pytest.raises(ConfigurationError, match=f'stages.to: unknown stage "none". Known: {names[0]}'):
        stage_list(StageRange.model_validate({"to": "none"}))
    with pytest.raises(ConfigurationError, match="comes after"):
        stage_list(StageRange.model_validate({"from": names[3], "to": names[1]}))
