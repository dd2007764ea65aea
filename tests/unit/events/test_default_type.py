import pytest

from repertoire.events.default_type import decide_event_type


@pytest.mark.parametrize(
    "greatest, on_scale, expected",
    [
        (5.0, True, "rating"),
        (3.0, True, "rating"),
        (10.0, True, "rating"),
        (2.0, True, "play"),  # 1s and 2s are counts rather than stars
        (13883.0, False, "play"),
        (4.7, False, "play"),
        (0.0, True, "interaction"),
        (None, None, "interaction"),
    ],
)
def test_values_decide(greatest: float | None, on_scale: bool | None, expected: str) -> None:
    event_type, why = decide_event_type(1200, greatest, on_scale)
    assert event_type == expected
    assert why.startswith("1,200 events name no type")
    assert why.endswith(f"taken as {expected}")
