"""What `pick` and `compare` say, as tidy tables: name to columns [n], a row a lever, objective, cap or duel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tiercap.optimizer.io.columns import Columns
from tiercap.optimizer.model.bootstrap import Spread
from tiercap.optimizer.model.measures import unit_of
from tiercap.optimizer.rules.levers import CAPS, LEVERS_TABLE, part
from tiercap.optimizer.tradeoffs.compare import Comparison
from tiercap.optimizer.tradeoffs.pick import Pick, gained_by_rebinning

#: What stands for the unit of a column whose rows have different ones.
IN_UNIT = "see unit"
#: Columns of rows that have their own units; columns that start so are of them too.
_OF_ROWS = ("front", "rounded", "rule", "loss", "gain", "change", "cap", "figure", "mean", "low", "high", "shortfall")


def units(table: Columns) -> dict[str, str]:
    """The unit of every column: that of the row where the table has a column `unit`, a pure number else."""
    mixed = "unit" in table
    return {name: IN_UNIT if mixed and name.split("_")[0] in _OF_ROWS else "1" for name in table}


def picked(found: Pick) -> dict[str, Columns]:
    """``levers``, ``objectives``, ``prices``, ``rebinning`` and ``near_caps`` of a policy picked.

    front : as it stands on the front; rounded : in round numbers; rule : the rule in force; loss : rounded less front;
    gain : rounded less rule. Intervals (``_low``, ``_high``) span 90 of 100 resamplings.
    """
    objectives, row = found.run.problem.objectives, found.chosen.row
    named = {
        "front": found.exact, "rounded": found.rounded, "rule": found.rule, "loss": found.loss, "gain": found.gain
    }  # fmt: skip
    levers = found.rounding.values
    return {
        "levers": {
            "lever": _texts(levers),
            "unit": _texts(LEVERS_TABLE[name].unit for name in levers),
            "front": np.array([found.run.values[name][row] for name in levers]),
            "rounded": np.array(list(levers.values())),
        },
        "objectives": {"objective": _texts(objectives), **_units(objectives), **_spreads(named)},
        "prices": _prices(found),
        "rebinning": {
            "outcome": _texts(gained_by_rebinning(found.run.problem)),
            **_units(gained_by_rebinning(found.run.problem)),
            **_spreads({"change": found.rebinning}),
        },
        "near_caps": _near_caps(found),
    }


def _prices(found: Pick) -> Columns:
    """A row a cap, direction and objective; NaN where the step would not be nested."""
    objectives = found.run.problem.objectives
    none = np.full(len(objectives), np.nan)
    rows = [(price, k) for price in found.prices for k in range(len(objectives))]
    changes = [price.change or Spread(none, none, none) for price, _ in rows]
    return {
        "lever": _texts(price.lever for price, _ in rows),
        "direction": _texts(price.direction for price, _ in rows),
        "objective": _texts(objectives[k] for _, k in rows),
        **_units([objectives[k] for _, k in rows]),
        **_spreads(
            {"change": Spread(*(np.array([each[i][k] for each, (_, k) in zip(changes, rows, strict=True)])
                                for i in range(3)))}
        ),
    }  # fmt: skip


def _near_caps(found: Pick) -> Columns:
    """A row an existing chip within 5 % of a cap; room : per cent of the cap that it is below."""
    rows = [(line, chip) for line in found.lines for chip in line.chips]
    return {
        "lever": _texts(line.lever for line, _ in rows),
        "unit": _texts(CAPS[part(line.lever).field].unit for line, _ in rows),
        "cap": np.array([line.cap for line, _ in rows], dtype=float),
        "chip": _texts(chip.chip for _, chip in rows),
        "figure": np.array([chip.value for _, chip in rows], dtype=float),
        "room_percent": np.array([chip.room for _, chip in rows], dtype=float),
    }


def compared(found: Comparison) -> dict[str, Columns]:
    """``contenders`` (a row each), ``objectives`` (a row a contender and objective), ``duels`` (a row an ordered pair).

    policy : the row of a contender whose largest regret is least, of which the numbers are. change : less the rule in
    force. shortfall : mean, from the best policy in each scenario. Regrets are shares of the range of all compared.
    """
    names, who = found.problem.objectives, found.contenders
    pairs = [(i, k) for i in range(len(who)) for k in range(len(names))]
    duels = [(i, j, duel) for i, row in enumerate(found.duels) for j, duel in enumerate(row) if duel is not None]
    standings = found.standings

    def of(place: str) -> Spread:
        whole = [getattr(standing, place) for standing in standings]
        return Spread(*(np.array([whole[i][end][k] for i, k in pairs]) for end in range(3)))

    def of_each(place: str) -> Spread:
        whole = [getattr(standing, place) for standing in standings]
        return Spread(*(np.array([float(one[end]) for one in whole]) for end in range(3)))

    return {
        "contenders": {
            "contender": _texts(one.name for one in who),
            "kind": _texts(one.kind for one in who),
            "policies": np.array([len(one.levers) for one in who]),
            "policy": np.array([standing.row for standing in standings]),
            **_spreads({"regret": of_each("regret")}),
            "largest_regret": np.array([standing.largest_regret for standing in standings]),
            **_spreads({"hypervolume": of_each("hypervolume"), "from_first": of_each("from_first")}),
            "breaks": _texts("; ".join(standing.breaks) for standing in standings),
        },
        "objectives": {
            "contender": _texts(who[i].name for i, _ in pairs),
            "objective": _texts(names[k] for _, k in pairs),
            **_units([names[k] for _, k in pairs]),
            **_spreads({"mean": of("objectives"), "change": of("from_baseline"),
                        "shortfall": of("regret_by_objective")}),
        },
        "duels": {
            "contender": _texts(who[i].name for i, _, _ in duels),
            "against": _texts(who[j].name for _, j, _ in duels),
            "beaten": np.array([duel.beaten for *_, duel in duels]),
            "surely": np.array([duel.surely for *_, duel in duels]),
            "of": np.array([duel.of for *_, duel in duels]),
            "policy": np.array([duel.mine for *_, duel in duels]),
            "against_policy": np.array([duel.theirs for *_, duel in duels]),
        },
    }  # fmt: skip


def _spreads(named: dict[str, Spread]) -> Columns:
    """NAME, NAME_low and NAME_high of each."""
    ends = ("", "_low", "_high")
    return {name + end: np.asarray(v) for name, one in named.items() for end, v in zip(ends, one, strict=True)}


def _units(names: Sequence[str]) -> Columns:
    return {"unit": _texts(unit_of(name) for name in names)}


def _texts(values: Any) -> np.ndarray:
    return np.array(list(values), dtype=str)
