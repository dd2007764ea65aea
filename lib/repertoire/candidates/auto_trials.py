"""Trials of models on what was held back: fitted on the rest, judged by nDCG@10, within a number or a time."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from repertoire import vocabulary as v
from repertoire.candidates.auto_choice import Choice, Trial
from repertoire.candidates.blend_weights import HEAD, Contributions, learnt_weights, list_contributions, ndcg_by_user
from repertoire.candidates.held_back import HeldBack
from repertoire.candidates.recommender import Fitting, Recommender, Request
from repertoire.errors import RepertoireError
from repertoire.frames.materialise import materialise
from repertoire.settings import AutoSettings


@dataclass
class Trials:
    """fitting: of the train part of what was held back; clock: seconds that only grow; began: what it said at the beginning.

    done: the trials that went well; begun: how many were; lists: those of each model's best trial, as user_id, item_id, score,
    rank.
    """

    models: Mapping[str, Recommender]
    fitting: Fitting
    part: HeldBack
    clock: Callable[[], float]
    began: float
    done: list[Trial] = field(default_factory=list)
    begun: int = 0
    lists: dict[str, tuple[Trial, pa.Table]] = field(default_factory=dict)

    @property
    def settings(self) -> AutoSettings:
        return self.fitting.settings.auto

    def has_time_for(self, seconds: float) -> bool:
        """Whether one more trial, which takes about so long, is within the bounds."""
        if self.settings.trials is not None:
            return self.begun < self.settings.trials
        return self.clock() - self.began + seconds <= self.settings.budget_seconds

    def run(self, choice: Choice, price: float) -> Trial | None:
        """Fits and judges; tells the figure. A model that fails is told, and gives None."""
        begin = self.clock()
        self.begun += 1
        try:
            lists = self._lists_of(choice)
        except RepertoireError as error:
            self._without(choice, error.in_logs)
            return None
        except Exception as error:
            # Whatever a model runs into, the others may still be chosen. Its words may quote rows.
            self._without(choice, f"{type(error).__name__}; {choice.model} by itself says more")
            return None
        heads = lists.filter(pc.less_equal(lists.column(v.RANK), HEAD))
        data = list_contributions([heads], self.part.truth)
        trial = Trial(choice, ndcg_by_user(data, np.ones(1)), self.clock() - begin, price)
        self._tell(trial)
        if choice.model not in self.lists or trial.figure > self.lists[choice.model][0].figure:
            self.lists[choice.model] = (trial, lists)
        return trial

    def blend(self, most: int) -> Trial | None:
        """The lists of up to so many best models, added with weights; None where fewer than two help. Popularity, which fills
        lists up in any case, is none of them.

        Each half of the users is judged by weights that the other half has set, so that the figure is as honest as those of the
        single models; the weights to keep are set by all.
        """
        personal = [one for name, one in self.lists.items() if name != v.POPULAR]
        best = sorted(personal, key=lambda one: -one[0].figure)[:most]
        if len(best) < 2:
            return None
        begin = self.clock()
        self.begun += 1
        names = [trial.choice.model for trial, _ in best]
        data = list_contributions([lists for _, lists in best], self.part.truth)
        weights = dict(zip(names, learnt_weights(data)[0], strict=True))
        kept = {name: weight for name, weight in weights.items() if weight > 0}
        if len(kept) < 2:
            self.fitting.say(f"auto: no blend is better than {next(iter(kept))} alone")
            return None
        even = np.arange(len(data.most)) % 2 == 0
        figures = np.empty(len(data.most))
        for half in (even, ~even):
            learnt = np.array(learnt_weights(_of_users(data, ~half))[0])
            figures[half & (data.most > 0)] = ndcg_by_user(_of_users(data, half), learnt)
        changes = {
            name: of for trial, _ in best if trial.choice.model in kept for name, of in trial.choice.changes.items()
        }
        choice = Choice(v.BLEND, {**changes, v.BLEND: {"sources": list(kept), "weights": kept}})
        price = sum(trial.price for trial, _ in best) + max(one.price for one in self.done)
        trial = Trial(choice, figures[data.most > 0], self.clock() - begin, price)
        self._tell(trial)
        return trial

    def _lists_of(self, choice: Choice) -> pa.Table:
        folder = f"{self.fitting.scratch}/trial_{self.begun}"
        settings = choice.applied(self.fitting.settings)
        model = self.models[choice.model].fit(replace(self.fitting, settings=settings, scratch=folder))
        tables = {name: materialise(frame, f"{folder}/model/{name}") for name, frame in model.tables.items()}
        quiet = settings.model_copy(update={"explain": False, "include_seen": False})
        asked = Request(self.fitting.spark, self.part.asked, self.part.train, None, settings.blend.depth, quiet)
        proposed = self.models[choice.model].propose(replace(model, tables=tables), asked)
        return proposed.select(v.USER_ID, v.ITEM_ID, v.SCORE, v.RANK).toArrow()

    def _tell(self, trial: Trial) -> None:
        self.done.append(trial)
        self.fitting.say(f"auto: {trial.choice.words}: nDCG@10 {trial.figure:.4f}, {trial.seconds:.1f} s")

    def _without(self, choice: Choice, why: str) -> None:
        self.fitting.say(f"auto: without {choice.words}: {why}")


def _of_users(data: Contributions, chosen: np.ndarray) -> Contributions:
    return Contributions(data.values[chosen], data.relevant[chosen], data.there[chosen], data.most[chosen])
