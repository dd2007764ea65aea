"""Search spaces, and which settings are tried next."""

import json

import numpy as np
import pytest

from repertoire.candidates.search import spread_trials, suggest
from repertoire.settings import CandidateSettings, IalsSettings, ItemKnnSettings
from repertoire.settings.search_space import Between, OneOf, differing, search_space, with_values
from repertoire.settings.section import Section

SECTIONS = {
    name: section for name, section in CandidateSettings() if isinstance(section, Section) and search_space(section)
}


def test_places_by_hand() -> None:
    assert Between(0, 2).at(0.25) == 0.5
    assert Between(1, 100, log=True).at(0.5) == 10
    assert Between(1, 100, log=True).place_of(10) == pytest.approx(0.5)
    assert Between(1, 100).place_of(1000) == 1
    assert Between(1, 100).place_of(None) == 0.5
    assert [OneOf(("a", "b")).at(place) for place in (0, 0.49, 0.5, 1)] == ["a", "a", "b", "b"]
    assert OneOf(("a", "b")).place_of("b") == 0.75


def test_the_models_that_have_parameters_say_where_to_look() -> None:
    assert set(SECTIONS) >= {
        "als",
        "ials",
        "item_knn",
        "user_knn",
        "rp3beta",
        "ease",
        "slim",
        "graph_filter",
        "popular",
    }
    assert not search_space(CandidateSettings().blend), "its weights are learnt"
    assert not search_space(CandidateSettings().auto)


@pytest.mark.parametrize("name", SECTIONS)
def test_every_value_of_a_space_is_allowed_and_a_default_lies_within(name: str) -> None:
    section = SECTIONS[name]
    for setting, space in search_space(section).items():
        for place in np.linspace(0, 1, 41):
            value = getattr(with_values(section, {setting: space.at(float(place))}), setting)
            if isinstance(space, OneOf):
                assert value in space.values
            else:
                assert space.at(space.place_of(value)) == pytest.approx(value, rel=0.01, abs=1e-9)
        default = getattr(section, setting)
        if default is None:  # what follows from the log
            continue
        within = default in space.values if isinstance(space, OneOf) else space.low <= default <= space.high
        assert within, setting


def test_what_differs_can_be_written_and_read() -> None:
    found = with_values(IalsSettings(), {"rank": 63.7, "alpha": 2.5})
    assert differing(found, IalsSettings()) == {"rank": 64, "alpha": 2.5}
    again = IalsSettings.model_validate(json.loads(json.dumps(differing(found, IalsSettings()))))
    assert again == found


def _searched(seed: int, trials: int) -> list[tuple[Section, float]]:
    """Trials whose figure is higher the nearer rank is to 200 and alpha to 1, by their logarithms."""

    def figure(section: Section) -> float:
        assert isinstance(section, IalsSettings)
        return -(np.log(section.rank / 200) ** 2) - np.log(section.alpha) ** 2

    tried: list[tuple[Section, float]] = [(IalsSettings(), figure(IalsSettings()))]
    while len(tried) < trials:
        found = suggest(tried, seed, spread_trials(tried[0][0]))
        assert found is not None
        tried.append((found, figure(found)))
    return tried


def test_the_same_seed_suggests_the_same_and_nothing_twice() -> None:
    one = _searched(3, 25)
    assert [section for section, _ in one] == [section for section, _ in _searched(3, 25)]
    assert [section for section, _ in one] != [section for section, _ in _searched(4, 25)]
    assert all(section not in [other for other, _ in one[:place]] for place, (section, _) in enumerate(one))


def test_suggestions_are_spread_and_then_come_near_the_best() -> None:
    for seed in range(3):
        figures = [figure for _, figure in _searched(seed, 40)]
        spread = 1 + spread_trials(IalsSettings())
        assert np.mean(figures[spread:]) > np.mean(figures[1:spread])
        assert max(figures) > max(figures[:spread])
        assert max(figures) > -0.3


def test_both_values_of_a_choice_are_tried() -> None:
    tried: list[tuple[Section, float]] = [(ItemKnnSettings(), 0.0)]
    for _ in range(8):
        found = suggest(tried, 1, 100)
        assert found is not None
        tried.append((found, 0.0))
    kinds = [section.similarity for section, _ in tried[1:] if isinstance(section, ItemKnnSettings)]
    assert 2 <= kinds.count("jaccard") <= 6


def test_a_space_without_more_to_try_says_so() -> None:
    class Two(Section):
        kind: str = "a"

    assert suggest([(Two(), 0.0)], 1, 4) is None
