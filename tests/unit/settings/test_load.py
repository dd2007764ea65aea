"""Settings: overlays, overrides, and what is refused."""

from pathlib import Path

import pytest

from repertoire.errors import SettingsError
from repertoire.settings import Settings, load_settings


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "features.yaml").write_text("features:\n  half_life_days: 30\n  max_strength: 9\n")
    (tmp_path / "local.yaml").write_text("features:\n  half_life_days: 60\n")
    return tmp_path


def test_an_overlay_wins_over_base_and_set_over_both(conf: Path) -> None:
    assert load_settings(conf=conf).features.half_life_days == 30
    assert load_settings(conf=conf, env="local").features.half_life_days == 60
    settings = load_settings(
        conf=conf, env="local", overrides=["features.half_life_days=7", "features.half_life_days=8"]
    )
    assert settings.features.half_life_days == 8
    assert settings.features.max_strength == 9


def test_of_several_overlays_the_last_one_wins(conf: Path) -> None:
    (conf / "tuned.yaml").write_text("features:\n  half_life_days: 5\ncandidates:\n  models: [ease]\n")
    assert load_settings(conf=conf, env="local,tuned").features.half_life_days == 5
    last = load_settings(conf=conf, env="tuned, local")
    assert (last.features.half_life_days, last.candidates.models) == (60, ["ease"])
    with pytest.raises(SettingsError, match='unknown environment "tune"; did you mean "tuned"'):
        load_settings(conf=conf, env="local,tune")


def test_set_adds_to_a_mapping_and_replaces_a_list(conf: Path) -> None:
    settings = load_settings(
        conf=conf, overrides=["features.event_weights.purchase=7", "candidates.models=[als, popular]"]
    )
    assert settings.features.event_weights["purchase"] == 7
    assert settings.candidates.models == ["als", "popular"]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        (
            "features.half_live_days=3",
            'unknown setting "features.half_live_days"; did you mean "features.half_life_days"?',
        ),
        ("feature.x=1", 'unknown setting "feature"; did you mean "features"?'),
        ("candidates.als.rnk=1", 'unknown setting "candidates.als.rnk"; did you mean "candidates.als.rank"?'),
        (
            "candidates.als.rank=0",
            "setting candidates.als.rank: Input should be greater than or equal to 1 (received 0)",
        ),
        ("ranking.top_k=many", "(received 'many')"),
        ("run.timezone=Mars", '"Mars" is not an IANA time zone such as UTC or Europe/Berlin'),
        ("candidates.per_user=3", "candidates.per_user is 3, fewer than ranking.top_k (20)"),
        ("features", '--set takes section.key=value, received "features"'),
        ("candidates.auto.default_model=auto", "auto cannot be what is fitted where auto finds nothing: name a model"),
        ("candidates.blend.sources=[ease, blend]", "a blend is made of single models: leave out auto and blend"),
        ("features=3", "features is a section, received 3"),
        ("features.half_life_days=[", "the value is not YAML"),
    ],
)
def test_what_is_wrong_is_said_with_path_and_value(conf: Path, override: str, message: str) -> None:
    with pytest.raises(SettingsError) as raised:
        load_settings(conf=conf, overrides=[override])
    assert message in str(raised.value)
    assert raised.value.exit_code == 2


def test_an_unknown_environment_is_refused_with_the_known_ones(conf: Path) -> None:
    with pytest.raises(SettingsError, match=r'unknown environment "locl"; did you mean "local"\?'):
        load_settings(conf=conf, env="locl")


def test_a_fingerprint_changes_with_the_settings_of_its_sections_only() -> None:
    settings = load_settings(overrides=["features.half_life_days=5"])
    assert settings.fingerprint(("features",)) != Settings().fingerprint(("features",))
    assert settings.fingerprint(("ranking",)) == Settings().fingerprint(("ranking",))
    moved = load_settings(overrides=["run.warehouse=/elsewhere"])
    assert moved.fingerprint(("ranking",)) == Settings().fingerprint(("ranking",))
    reseeded = load_settings(overrides=["run.seed=1"])
    assert reseeded.fingerprint(("ranking",)) != Settings().fingerprint(("ranking",))
