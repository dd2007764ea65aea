"""The models that earlier nights have fitted."""

import datetime as dt

from repertoire.candidates.recommender import FittedModel
from repertoire.pipeline.stage import Inputs


def earlier_model(inputs: Inputs, day: dt.date, looks_back: int, name: str) -> FittedModel | None:
    """The newest model of that name of the dates up to so many days before the day."""
    for days in range(1, looks_back + 1):
        model = inputs.model_of_day(name, day - dt.timedelta(days=days))
        if model is not None:
            return model
    return None
