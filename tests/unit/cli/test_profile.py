"""Whether a profile of Spark will do, by arithmetic that a reader can follow."""

from pathlib import Path

import pytest

from repertoire.cli.profile import LogSize, Profile, shortcomings
from repertoire.errors import SettingsError
from repertoire.settings import CandidateSettings, load_settings

ROOT = Path(__file__).resolve().parents[3]
STATED = LogSize(pairs=100_000_000, users=2_000_000, items=200_000)
"""What the profiles say that they are sized for."""


def profile(tmp_path: Path, **values: str) -> Profile:
    file = tmp_path / "own.conf"
    lines = [f"{key.replace('_', '.')} {value}" for key, value in values.items()]
    file.write_text(
        "\n".join(["# a comment", "", "spark.master yarn", "spark.driver.memoryOverhead 90g", *lines]), encoding="utf-8"
    )
    return Profile.read(file)


@pytest.mark.parametrize("name", ["yarn", "standalone", "kubernetes"])
def test_the_profiles_of_the_project_do_for_what_they_say(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    settings = load_settings(overrides=["candidates.als.rank=64"]).candidates
    read = Profile.read(ROOT / "conf" / "spark" / f"{name}.conf")
    found = [line for line in shortcomings(read, STATED, settings) if "scripts/package.sh makes" not in line]
    assert found == []


def test_every_key_of_spark_is_read_however_it_is_written(tmp_path: Path) -> None:
    file = tmp_path / "own.conf"
    file.write_text("spark.executor.cores=3\nspark.executor.instances : 7\n", encoding="utf-8")
    read = Profile.read(file)
    assert (read.cores, read.executors) == (3, 7)


def test_the_executors_are_the_most_that_there_can_be(tmp_path: Path) -> None:
    file = tmp_path / "own.conf"
    file.write_text(
        "spark.dynamicAllocation.enabled true\nspark.dynamicAllocation.maxExecutors 9\nspark.executor.instances 2\n",
        encoding="utf-8",
    )
    assert Profile.read(file).executors == 9
    file.write_text("spark.cores.max 12\nspark.executor.cores 4\n", encoding="utf-8")
    assert Profile.read(file).executors == 3


def test_python_workers_that_do_not_fit_are_told_with_what_would(tmp_path: Path) -> None:
    # A worker: 200 MiB + 5 × 1,000,000 × 48 × 4 bytes = 1,115.5 MiB; four of them and 384 MiB make 4.7 GiB.
    small = profile(tmp_path, spark_executor_cores="4", spark_executor_memory="4g")
    (line,) = shortcomings(small, LogSize(1000, 100, 1_000_000), CandidateSettings())
    assert line.startswith("spark.executor.memoryOverhead: 0.4 GiB for 4 Python workers of about 1.1 GiB each")
    assert "Write spark.executor.memoryOverhead 5g" in line


def test_a_heap_too_small_for_als_is_told_with_one_that_would_do(tmp_path: Path) -> None:
    small = profile(
        tmp_path, spark_executor_memory="1g", spark_executor_instances="2", spark_executor_memoryOverhead="1g"
    )
    (line,) = shortcomings(small, LogSize(200_000_000, 100_000, 100), CandidateSettings())
    assert line.startswith("spark.executor.memory: 2 executors have 2.0 GiB of heap; ALS at rank 48 needs about 5.")
    assert "Write spark.executor.memory 4g" in line


def test_item_factors_beyond_the_setting_take_no_more_of_a_worker(tmp_path: Path) -> None:
    ample = profile(
        tmp_path, spark_executor_memory="90g", spark_executor_memoryOverhead="6g", spark_executor_instances="9"
    )
    in_memory = CandidateSettings(max_item_factors_mb=100_000)
    (line,) = shortcomings(ample, LogSize(1000, 100, 6_000_000), in_memory)
    assert line.startswith("spark.executor.memoryOverhead: 6.0 GiB for 1 Python workers of about 5.6 GiB")
    assert shortcomings(ample, LogSize(1000, 100, 6_000_000), CandidateSettings()) == []


def test_archives_that_nobody_has_made_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    archives = "dist/environment.tar.gz#.venv,hdfs:///apps/conf.zip#conf"
    named = profile(tmp_path, spark_archives=archives, spark_executor_memoryOverhead="1g")
    (line,) = shortcomings(named, LogSize(1, 1, 1), CandidateSettings())
    assert line.startswith("dist/environment.tar.gz: not there.")


def test_a_file_that_is_no_profile_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="there is no such file"):
        Profile.read(tmp_path / "absent.conf")
    odd = tmp_path / "odd.conf"
    odd.write_text("spark.master yarn\nnonsense\n", encoding="utf-8")
    with pytest.raises(SettingsError, match='line 2: expected a key and a value, found "nonsense"'):
        Profile.read(odd)
    odd.write_text("spark.executor.cores many\n", encoding="utf-8")
    with pytest.raises(SettingsError, match='spark.executor.cores is "many"; it takes a whole number'):
        _ = Profile.read(odd).cores
