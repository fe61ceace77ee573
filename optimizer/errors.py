"""One family of errors, each with the exit code of the command line."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches


class TiercapError(Exception):
    """Something a user can act on; its text is one clear sentence and never a traceback."""

    exit_code = 1


class InputError(TiercapError):
    """Wrong usage, configuration or input, or a refusal. The text names rule, value, place and remedy."""

    exit_code = 2


class InfeasibleError(TiercapError):
    """The search finished and no policy satisfies the constraints. ``found`` is what was tried, where that is kept."""

    exit_code = 3

    def __init__(self, sentence: str, found: object = None) -> None:
        super().__init__(sentence)
        self.found = found


class NotConvergedError(TiercapError):
    """The search ended at its limit while it was still finding more, and convergence was required."""

    exit_code = 4


class StorageError(TiercapError):
    """A file, the disk or a storage failed; what was committed is safe."""

    exit_code = 6


_WORKLOADS = ("st", "ft", "pf", "dc")
#: Names of parameters, outcomes, quantities of a step and ways to choose that are gone, and what took their place.
#: Where a word was both a parameter and an outcome, those that fit what is asked for count.
SUCCESSORS: Mapping[str, tuple[str, ...]] = {
    "reference_price": ("unit_cost_frontier", "markup_a"),
    "price_growth": ("unit_cost_growth",),
    "budget_c_growth_late": ("budget_c_ceiling",),
    "budget_c_break": ("budget_c_ceiling",),
    "demand_a": ("spending_a",),
    "demand_a_growth": ("spending_a_growth",),
    "demand_a_ceiling": ("spending_a_ceiling", "power_a"),
    "displacement": ("capacity_headroom",),
    "grey_floor": ("grey_elasticity",),
    "grey_budget_cap": ("grey_elasticity",),
    "response_dependency": ("weight_dependence",),
    "response_advantage": ("weight_parity",),
    "response_self": ("weight_self",),
    "response_speed": ("decision_rate",),
    "response_max": ("barred_max",),
    "cost_floor": ("learning_rate",),
    "node_forgetting": ("yield_half",),
    "domestic_growth": ("die_growth", "stack_growth"),
    "domestic_f": ("die_f", "dies_package"),
    "domestic_m": ("stack_m", "stacks_package"),
    "domestic_cost": ("wafer_price", "stack_cost", "package_cost"),
    "domestic_capacity": ("wafers", "hbm", "domestic_chips"),
    "capacity_growth": ("wafers_speed", "hbm_growth"),
    "capacity_investment": ("tools",),
    "gap": ("compute_lead",),
    "terminal_gap": ("terminal_compute_lead",),
    **{f"gap_{w}": (f"compute_lead_{w}",) for w in _WORKLOADS},
    **{f"terminal_gap_{w}": (f"terminal_compute_lead_{w}",) for w in _WORKLOADS},
    **{f"lead_{w}": (f"terminal_compute_lead_{w}",) for w in _WORKLOADS},
    "compute_ratio_max": ("terminal_compute_lead",),
    "grey_capped": ("grey_premium",),
    "oscillation": ("terminal_access",),
    "denial": ("served",),
    "knee": ("compromise",),
}
#: What may stand behind an outcome, for which statistic of it is meant.
_STATISTIC = re.compile(r"(?:_(?:mean|geomean|std|min|max|p[0-9.]+|(?:cvar|regret|satisfice|mean_sd)[a-z_0-9.+-]*))?")


def successors(word: str, choices: Collection[str]) -> tuple[str, ...]:
    """What took the place of a name that is gone, of ``choices``; nothing for any other word."""
    for old, new in SUCCESSORS.items():
        if word.startswith(old) and _STATISTIC.fullmatch(word[len(old) :]):
            return tuple(name for name in new if name in choices)
    return ()


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """The end of a sentence that names the successor of a name that is gone, or suggests the nearest of ``choices``.

    Where none is near they are listed, if there are few.
    """
    known = sorted(choices)
    gone = successors(word, known)
    if gone:
        return f"it belongs to an older version, use {' or '.join(f'`{name}`' for name in gone)}"
    spelt = {choice.casefold(): choice for choice in known}
    near = get_close_matches(word.casefold(), spelt, n=1, cutoff=0.6)
    if near:
        return f"did you mean `{spelt[near[0]]}`?"
    if len(known) <= 12:
        return "known: " + ", ".join(known)
    return f"{len(known)} are known"
