"""Statistics over the scenarios by name: which there are, what they mean, in which unit, which way they are better.

A person writes the same words for objectives, constraints and bounds, and they are read here and nowhere else:

- mean, std, min, max; geomean, exp of the mean logarithm.
- pNN, the quantile below which NN per cent of the scenarios lie (p05, p95, p2.5).
- cvarNN: the mean of the worst NN per cent.
- regret: the largest shortfall, over the scenarios, from the best that is known in each; regretNN: its quantile. The
  best known is that of a fixed set of policies (`Problem.rivals`) and of the policy itself, so it is at least 0.
  Savage, "The Theory of Statistical Decision", J. Am. Stat. Assoc. 46 (1951).
- satisfice with a threshold: the share of the scenarios in which the outcome meets it. Simon, "Rational Choice and the
  Structure of the Environment", Psychol. Rev. 63 (1956).
- mean_sd with a weight: the mean, worse by so many standard deviations. Markowitz, "Portfolio Selection", J. Finance 7
  (1952), with the standard deviation in place of the variance, which keeps the outcome's unit.

The mean of an outcome that is a factor (`FACTORS`: A holds so many times C's computing) is its geometric mean, so that
a few futures do not carry it, and A's lead over C is one over C's over A.

What is worse follows from the direction: low where an outcome is to be maximised, high where it is to be minimised.
`resolve` settles that, and puts threshold and weight behind the word, so that the name alone says everything: where
high is worse it has ``_upper`` (`cvar_upper10`, `satisfice_upper0.5`). Such whole names are what columns, manifests and
the evaluator use.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import Literal, NamedTuple

from tiercap.kernels.params import OUTCOME_LIST, OUTCOMES, TRAJECTORY_LIST
from tiercap.optimizer.errors import InputError, did_you_mean

Direction = Literal["maximise", "minimise"]

#: Statistics that take neither number nor side.
PLAIN = ("mean", "geomean", "min", "max", "std")
#: The keys of a table that put a number behind the word, by statistic.
NUMBER_KEYS = {"satisfice": "threshold", "mean_sd": "weight"}

_PERCENT = r"(?:0[1-9]|[1-9][0-9]|(?:0|[1-9][0-9]?)\.[0-9]{0,5}[1-9])"
_REAL = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]{1,3})?"
_NAME = re.compile(
    rf"(?:(?P<p>p)(?P<share>{_PERCENT})"
    rf"|(?P<sided>cvar|regret|satisfice|mean_sd)(?P<side>_lower|_upper)?(?P<number>{_REAL})?)",
    re.ASCII,
)
_PERCENT_ONLY = re.compile(_PERCENT, re.ASCII)
_EXAMPLES = (*PLAIN, "p05", "p50", "p95", "cvar10", "cvar_upper10", "regret", "regret90", "satisfice", "mean_sd")
#: Outcomes that are factors; of quantities of a step too.
FACTORS = frozenset(o.name for o in (*OUTCOME_LIST, *TRAJECTORY_LIST) if "compute_lead" in o.name)
_UNITS = {outcome.name: outcome.unit for outcome in OUTCOME_LIST}
_MEANINGS = {outcome.name: outcome.meaning for outcome in OUTCOME_LIST}


class Statistic(NamedTuple):
    """A whole name taken apart.

    kind : "mean", "geomean", "min", "max", "std", "p", "cvar", "regret", "satisfice" or "mean_sd"
    number : per cent, threshold in the outcome's unit, or standard deviations; None where the kind takes none
    upper : whether high is the bad side
    """

    kind: str
    number: float | None = None
    upper: bool = False

    @property
    def share(self) -> float:
        """The per cent as a share of 1."""
        assert self.number is not None
        return self.number / 100.0

    @property
    def better(self) -> Direction:
        """Which way the outcome is better, for a statistic of the bad side."""
        return "minimise" if self.upper else "maximise"


#: Which way outcomes are better in the eyes of the exporter's government, where a study does not say.
BETTER: dict[str, Direction] = {
    **dict.fromkeys(
        ("revenue", "revenue_bc", "exporter_and_government", "gross_revenue_a", "gross_revenue_b", "gross_revenue_c",
         "government_take", "equipment_sales", *(name for name in OUTCOMES if name in FACTORS)), "maximise"),
    **dict.fromkeys(
        ("substitution", "terminal_substitution", "domestic_supply", "terminal_supply", "domestic_chips",
         "domestic_revenue", "terminal_domestic_share", "world_share_c", "acquired_smuggled", "units_grey",
         "displaced_revenue", "design_cost", "write_downs", "administration"), "minimise"),
}  # fmt: skip


def applied(name: str, statistic: str) -> str:
    """The statistic that is computed where ``statistic`` of ``name``, an outcome or a quantity of a step, is asked for.

    The geometric mean where the mean of a factor is asked for; else what was asked for.
    """
    return "geomean" if statistic == "mean" and name in FACTORS else statistic


@lru_cache(maxsize=512)
def parse(name: str) -> Statistic:
    """A whole name taken apart. Raises InputError for anything else."""
    if name in PLAIN:
        return Statistic(name)
    match = _NAME.fullmatch(name)
    if match is None or match["side"] == "_lower":
        raise _unknown(name)
    if match["p"]:
        return Statistic("p", float(match["share"]))
    kind, text = match["sided"], match["number"]
    if kind in ("cvar", "regret") and not _is_percent(kind, text):
        raise _unknown(name)
    if kind in NUMBER_KEYS and text is None:
        raise InputError(f"statistic `{kind}` needs a {NUMBER_KEYS[kind]}: {_needed(kind)}")
    number = None if text is None else float(text) + 0.0
    if number is not None and not math.isfinite(number):
        raise InputError(f"statistic `{name[:40]}`: the {NUMBER_KEYS[kind]} is too large")
    if kind == "mean_sd" and not (number or 0.0) > 0.0:
        raise InputError(f"statistic `{name[:40]}`: the weight must be above 0")
    return Statistic(kind, number, match["side"] == "_upper")


def resolve(word: str, direction: Direction | None, number: float | None = None) -> str:
    """The whole name of what a person wrote.

    direction : which way the outcome is better, None where nothing says so
    number : threshold in the outcome's unit, or weight, where these were given apart from the word
    """
    if number is not None:
        kind = word.removesuffix("_lower").removesuffix("_upper")
        if kind not in NUMBER_KEYS:
            given = "has its number already" if word.startswith(tuple(NUMBER_KEYS)) else "takes no threshold or weight"
            raise InputError(f"statistic `{word[:40]}` {given}")
        word += _plain(number)
    said = _NAME.fullmatch(word)
    found = parse(word.replace("_lower", "", 1))
    if said is None or said["p"]:
        return word
    if said["side"] is None and direction is None:
        choices = f"{found.kind}_lower{said['number'] or ''} or {found.kind}_upper{said['number'] or ''}"
        raise InputError(f"statistic `{word}` needs to know which side is bad: say direction, or write {choices}")
    upper = direction == "minimise" if said["side"] is None else found.upper
    text = said["number"] or ""
    if found.kind in NUMBER_KEYS:
        text = _plain(float(text))
    return f"{found.kind}{'_upper' if upper else ''}{text}"


def goal(statistic: str, direction: Direction) -> Direction:
    """Which way the statistic itself is better: a regret is always to be small, a share satisfied to be large."""
    kind = parse(statistic).kind
    return "minimise" if kind == "regret" else "maximise" if kind == "satisfice" else direction


def column(outcome: str, statistic: str) -> str:
    """The name of a statistic in files: the outcome alone for its mean."""
    return outcome if statistic == "mean" else f"{outcome}_{statistic}"


def split(name: str) -> tuple[str, str]:
    """Outcome and statistic of the name of a column, as a person may write it: the mean where there is only an outcome.

    Raises InputError for an unknown outcome; the statistic is not checked.
    """
    if name in OUTCOMES:
        return name, "mean"
    stems = [outcome for outcome in OUTCOMES if name.startswith(outcome + "_")]
    if not stems:
        raise InputError(f"unknown outcome `{_shown(name)}`: {did_you_mean(name[:60], OUTCOMES)}")
    outcome = max(stems, key=len)
    return outcome, name[len(outcome) + 1 :]


def unit(outcome: str, statistic: str) -> str:
    """The unit of a statistic: the outcome's, but a share for satisficing."""
    return "1" if parse(statistic).kind == "satisfice" else _UNITS[outcome]


def unit_of(name: str) -> str:
    """The unit of a column by its name."""
    return unit(*split(name))


def meaning(outcome: str, statistic: str) -> str:
    """A statistic of an outcome in words, for the codebook."""
    s, of = parse(applied(outcome, statistic)), _MEANINGS[outcome]
    per_cent = "" if s.number is None else f"{s.number:g} % of the scenarios"
    number = str(s.number).removesuffix(".0")  # every digit: a threshold is what was asked for
    words = {
        "mean": "mean over the scenarios",
        "geomean": "geometric mean over the scenarios",
        "std": "standard deviation over the scenarios",
        "min": "least of the scenarios",
        "max": "largest of the scenarios",
        "p": f"quantile: {per_cent} lie below",
        "cvar": f"mean of the {'highest' if s.upper else 'lowest'} {per_cent}",
        "regret": (
            f"regret, by how much it is {'above' if s.upper else 'below'} the best known in a scenario: "
            + ("the largest" if s.number is None else f"quantile, {per_cent} lie below")
        ),
        "satisfice": f"share of the scenarios in which it is at {'most' if s.upper else 'least'} {number} "
        f"{_UNITS[outcome]}",
        "mean_sd": f"mean {'plus' if s.upper else 'less'} {number} standard deviation{'' if number == '1' else 's'} "
        "over the scenarios",
    }
    return f"{of}; {words[s.kind]}"


def _is_percent(kind: str, text: str | None) -> bool:
    return kind == "regret" if text is None else _PERCENT_ONLY.fullmatch(text) is not None


def _plain(number: float) -> str:
    """The shortest text that reads back to the same number."""
    return repr(number + 0.0).removesuffix(".0")


def _needed(kind: str) -> str:
    return 'threshold = "30 GUSD", say' if kind == "satisfice" else "weight = 1, say"


def _shown(name: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in name[:60])


def _unknown(name: str) -> InputError:
    return InputError(
        f"unknown statistic `{_shown(name)[:40]}`: {', '.join(PLAIN)}, regret, satisfice, mean_sd; or p, cvar or "
        "regret with a per cent of two digits from 01 to 99 or a fraction such as 2.5; "
        f"{did_you_mean(name[:40], _EXAMPLES)}"
    )
