"""Random and quasi-random sampling of Optuna, for a search that knows its levers: no slower the longer it runs.

Both propose bit for bit what Optuna's own samplers propose after a first trial; a test holds them against each other.
Optuna's learn the parameters from the first trial, and look for it among all trials at each; the quasi-random one makes
its sequence anew for each trial and winds it forward. Here parameters and sequence are remembered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from optuna._transform import _SearchSpaceTransform
from optuna.samplers import QMCSampler, RandomSampler

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial


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
