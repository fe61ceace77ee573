"""The search engines by name: what each is, its options with defaults and ranges, and what it cannot do.

Every engine is a sampler of an Optuna study (:mod:`tiercap.optimizer.search.optuna_study`). Only its options shape
what it proposes, so all of them are named here, may be set under [search.options], and are recorded with every run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

Value = float | int | str | bool


@dataclass(frozen=True, slots=True)
class Option:
    """One option of an engine: a number from ``low`` to ``high``, one of ``choices``, or true or false.

    Whole numbers where ``default`` is one.
    """

    default: Value
    meaning: str
    low: float = 0.0
    high: float = 0.0
    choices: tuple[str, ...] = ()

    @property
    def rule(self) -> str:
        """What a value must be, in words."""
        if self.choices:
            return "one of " + ", ".join(self.choices)
        if isinstance(self.default, bool):
            return "true or false"
        kind = "a whole number" if isinstance(self.default, int) else "a number"
        return f"{kind} from {self.low:g} to {self.high:g}"

    def accepts(self, value: object) -> bool:
        """Whether ``value`` keeps the rule."""
        if self.choices:
            return value in self.choices
        if isinstance(self.default, bool) or isinstance(value, bool):
            return isinstance(self.default, bool) and isinstance(value, bool)
        whole = isinstance(value, int) or (isinstance(value, float) and not isinstance(self.default, int))
        return whole and self.low <= float(value) <= self.high  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Engine:
    """One engine.

    single : whether it knows one objective only; constraints : whether it heeds constraints
    package, extra : what must be installed besides, and the extra of this project that does it
    """

    meaning: str
    options: Mapping[str, Option] = field(default_factory=dict)
    single: bool = False
    constraints: bool = True
    package: str = ""
    extra: str = ""


_ETA = "distribution index (Deb et al. 2002): the larger, the nearer a child to its parents"
_GENETIC = {
    "crossover_eta": Option(20.0, f"SBX crossover, {_ETA}", 0.0, 1000.0),
    "crossover_prob": Option(0.9, "probability that two parents cross", 0.0, 1.0),
    "mutation_eta": Option(20.0, f"polynomial mutation, {_ETA}", 0.0, 1000.0),
    "mutations": Option(1.0, "levers that mutate in a child, on average", 0.0, 100.0),
}

DEFAULT = "multi-fidelity"
ENGINES: Mapping[str, Engine] = MappingProxyType(
    {
        DEFAULT: Engine(
            "many children of the front tried in a few scenarios, those that promise most in all of them",
            {
                **_GENETIC,
                "children": Option(8, "children tried in a few scenarios for each policy tried in all", 1, 256),
                "sbx": Option(0.05, "share of children made by SBX and polynomial mutation", 0.0, 1.0),
                "line": Option(0.3, "share made along the line through two parents; the rest by difference", 0.0, 1.0),
                "mates": Option(64, "policies drawn, of which the one nearest in the objectives mates", 1, 4096),
                "spread": Option(0.01, "largest standard deviation off the line, of a lever's range", 0.0, 1.0),
                "reach": Option(0.2, "standard deviation of a step along the line, of its length", 0.0, 10.0),
                "difference": Option(0.5, "share of two parents' difference that is added to a third", 0.0, 2.0),
            },
        ),
        "nsga2": Engine("NSGA-II with SBX and polynomial mutation", _GENETIC),
        "nsga3": Engine(
            "NSGA-III with SBX and polynomial mutation",
            {**_GENETIC, "divisions": Option(12, "divisions of each objective between reference points", 1, 200)},
        ),
        "tpe": Engine(
            "tree-structured Parzen estimator",
            {
                "startup_trials": Option(64, "random policies before the estimator", 1, 100_000),
                "candidates": Option(24, "candidates for each proposal", 1, 10_000),
                "multivariate": Option(True, "whether levers are modelled together"),
            },
        ),
        "cmaes": Engine(
            "CMA-ES, for one objective without constraints",
            {
                "sigma": Option(0.17, "first step, of a lever's range", 0.001, 1.0),
                "separable": Option(False, "whether only variances are adapted, no covariances"),
            },
            single=True,
            constraints=False,
            package="cmaes",
            extra="cmaes",
        ),
        "gp": Engine(
            "Gaussian process; for hundreds of policies, not thousands",
            {
                "startup_trials": Option(32, "random policies before the first process", 1, 100_000),
                "deterministic": Option(True, "whether objectives are taken to be without noise"),
            },
            package="torch",
            extra="gp",
        ),
        "qmc": Engine(
            "quasi-random points",
            {
                "sequence": Option("sobol", "which points", choices=("sobol", "halton")),
                "scramble": Option(True, "whether they are scrambled by the seed"),
            },
        ),
        "random": Engine("random points, even in each lever's scale"),
        "grid": Engine(
            "a regular grid, ends included; its size is the number of trials",
            {"points": Option(2, "points along each lever", 1, 1000)},
        ),
    }
)

PRUNERS: Mapping[str, str] = MappingProxyType(
    {
        "none": "every policy meets all scenarios",
        "wilcoxon": "a policy worse than the best in the few scenarios meets no more: for the mean of one objective",
    }
)


def options_of(engine: str, given: Mapping[str, Value]) -> dict[str, Value]:
    """All options of an engine: its defaults with what is given over them."""
    return {name: given.get(name, option.default) for name, option in ENGINES[engine].options.items()}
