"""Samplers of Optuna as a search uses them, with the parameters known from the start: no slower the longer it runs.

Three things differ in NSGA-II and NSGA-III from Optuna's own, and no others; a test holds them against each other.

Trials whose parameters were given belong to the first generation. Optuna counts among a generation only what its own
sampler proposed, so that policies enqueued to start from would never be parents.

Which trials belong to a generation, who their parents are and which parameters there are is remembered. Optuna finds
all three anew by walks over all trials, most of them for every trial, which takes a search of 250,000 trials hours.

Parents stand in the order of their trials for every child. Optuna has the first child of a generation draw from them in
the order of their ranks.

Random and quasi-random sampling propose bit for bit what Optuna's own samplers propose after a first trial; a test
holds that too. Optuna's learn the parameters from the first trial, and look for it among all trials at each; the
quasi-random one makes its sequence anew for each trial and winds it forward. Here parameters and sequence are
remembered.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray
from optuna._transform import _SearchSpaceTransform
from optuna.samplers import NSGAIIISampler, NSGAIISampler, QMCSampler, RandomSampler
from optuna.trial import TrialState

if TYPE_CHECKING:
    import optuna
    from optuna.samplers._ga import BaseGASampler
    from optuna.trial import FrozenTrial

    Base = BaseGASampler
else:
    Base = object


class Remembering(Base):
    """What both genetic samplers have in common; a sampler serves one study, whose trials all end with `after_trial`.

    spaces : the parameters of every trial, Optuna's distributions by name
    """

    def __init__(self, spaces: dict[str, Any], population: int, **options: Any) -> None:
        super().__init__(population_size=population, **options)
        self._spaces = dict(sorted(spaces.items()))  # in Optuna's order, which chance follows
        self._newest = 0  # the newest generation with a completed trial
        self._members: dict[int, list[int]] = {}  # the completed trials of a generation, by their ids
        self._parents: dict[int, list[FrozenTrial]] = {}

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, Any]:
        return self._spaces

    def get_trial_generation(self, study: optuna.Study, trial: FrozenTrial) -> int:
        known = trial.system_attrs.get(self._get_generation_key())
        if known is not None:
            return int(known)
        members = self._members.get(self._newest, [])
        generation = self._newest + (len(members) >= cast(int, self.population_size))
        study._storage.set_trial_system_attr(trial._trial_id, self._get_generation_key(), generation)
        return generation

    def get_population(self, study: optuna.Study, generation: int) -> list[FrozenTrial]:
        return [study._storage.get_trial(key) for key in sorted(self._members.get(generation, []))]

    def get_parent_population(self, study: optuna.Study, generation: int) -> list[FrozenTrial]:
        if generation not in self._parents:
            found = super().get_parent_population(study, generation)
            found.sort(key=lambda trial: trial.number)
            self._parents = {key: value for key, value in self._parents.items() if key >= generation - 1}
            self._parents[generation] = found
        return self._parents[generation]

    def after_trial(
        self, study: optuna.Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None
    ) -> None:
        super().after_trial(study, trial, state, values)
        if state != TrialState.COMPLETE:
            return
        generation = self.get_trial_generation(study, trial)
        self._newest = max(self._newest, generation)
        self._members.setdefault(generation, []).append(trial._trial_id)


class NSGA2(Remembering, NSGAIISampler):
    """`optuna.samplers.NSGAIISampler`, remembering."""


class NSGA3(Remembering, NSGAIIISampler):
    """`optuna.samplers.NSGAIIISampler`, remembering."""


class Random(RandomSampler):
    """`optuna.samplers.RandomSampler`, all parameters drawn at once."""

    def __init__(self, spaces: dict[str, Any], seed: int) -> None:
        super().__init__(seed=seed)
        self._spaces, self._transform = spaces, _SearchSpaceTransform(spaces)

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, Any]:
        return self._spaces

    def sample_relative(self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, Any]) -> dict[str, Any]:
        bounds = self._transform.bounds
        return self._transform.untransform(self._rng.rng.uniform(bounds[:, 0], bounds[:, 1]))


class QuasiRandom(QMCSampler):
    """`optuna.samplers.QMCSampler`, its sequence drawn once; a sampler serves one study."""

    def __init__(self, spaces: dict[str, Any], sequence: Any, scramble: Any, seed: int) -> None:
        super().__init__(qmc_type=sequence, scramble=scramble, seed=seed, warn_independent_sampling=False)
        self._spaces = spaces
        self._drawn: Any = None

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, Any]:
        return self._spaces

    def _sample_qmc(self, study: optuna.Study, search_space: dict[str, Any]) -> NDArray[np.float64]:
        if self._drawn is None:
            from scipy.stats import qmc  # slow to import

            family = qmc.Halton if self._qmc_type == "halton" else qmc.Sobol
            self._drawn = family(len(search_space), scramble=self._scramble, seed=self._seed)
        return self._drawn.random(1)
