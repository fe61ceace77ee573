"""The sign table: what must move which way when one thing changes, each row with its story.

A row changes a parameter, a lever or a rule under a base policy and looks at means over the futures. It *holds* where
every outcome it names moves as it must, else it *flips*. The rows are those of docs/model.md section 11. They are read
from any study's parameters and futures: a parameter of the user's own that turns a sign says that the story behind it
is not the user's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from tiercap.kernels.params import WORKLOADS
from tiercap.optimizer.analysis.sign_runs import REOPENED, Run, Runs, at, log_lead, times
from tiercap.optimizer.study.problem import Problem

RULES = ("ban", "bis-2026", "unrestricted")
#: How near two runs are that must be alike, and how far apart those that must be no more than near.
ALIKE, NEAR = 0.01, 0.05
#: The frontier chip under a quota of 5 % and nothing else.
_QUOTA = {"c_open_tpp": 0.0, "c_licensed_tpp": float("inf"), "c_quota_share": 0.05}


class Found(NamedTuple):
    """What a row measured, in words, and whether it holds."""

    measured: str
    holds: bool


class Row(NamedTuple):
    """A row of the table: its number, what changes under which base, what must follow, and why."""

    number: int
    change: str
    base: str
    must: str
    story: str
    read: Callable[[Runs], Found]


class Sign(NamedTuple):
    """A row with what came of it."""

    row: Row
    found: Found


def table(problem: Problem) -> list[Sign]:
    """Every row in the futures of a study. Raises InputError where its horizon is too short."""
    runs = Runs(problem)
    return [Sign(row, row.read(runs)) for row in ROWS]


def told(signs: Sequence[Sign]) -> list[dict[str, Any]]:
    """The rows as JSON has them."""
    return [
        {**{name: getattr(row, name) for name in ("number", "change", "base", "must", "story")}, **found._asdict()}
        for row, found in signs
    ]


def _moves(name: str, *values: float) -> str:
    return f"{name} {' -> '.join(f'{value:.4g}' for value in values)}"


def _lead_up(base: str, factor: float, *names: str) -> Callable[[Runs], Found]:
    """Parameters multiplied by a factor: the lead rises."""

    def read(runs: Runs) -> Found:
        before, after = (run["compute_lead"] for run in (runs(base), runs(base, changes=times(factor, *names))))
        return Found(_moves("lead", before, after), after > before)

    return read


def _revenue_down(base: str, name: str, *values: float) -> Callable[[Runs], Found]:
    """A parameter raised from a first to a second value: revenue falls."""

    def read(runs: Runs) -> Found:
        one, two = (runs(base, changes=at(**{name: value}))["revenue"] for value in values)
        return Found(_moves("revenue", one, two), two < one)

    return read


def _revenue_share(runs: Runs) -> Found:
    given = [runs("unrestricted", {**_QUOTA, "c_revenue_share": share}) for share in (0.0, 0.5, 0.99)]
    ban, names = runs("ban"), ("units_licensed", "units_grey", "substitution")
    sales, grey, built = ([run[name] for run in given] for name in names)
    far = _from_the_ban(given[-1], ban).values()
    order = sales[0] > sales[1] > sales[2] and grey[0] < grey[1] < grey[2] and built[0] < built[1] < built[2]
    text = "; ".join((_moves("sold", *sales), _moves("smuggled", *grey), _moves("substitution", *built)))
    return Found(f"{text}; at 99 % at most {max(far):.2%} from the ban", order and max(far) < ALIKE)


def _buyer_tariff(runs: Runs) -> Found:
    change = at(buyer_tariff=20.0)
    taxed, ban = runs("unrestricted", changes=change), runs("ban", changes=change)
    far = _from_the_ban(taxed, ban)
    text = ", ".join(f"{name} {value:.2%}" for name, value in far.items())
    return Found(f"from the ban: {text}; sold {taxed['units_open']:.3g}", max(far.values()) < ALIKE)


def _barred(runs: Runs) -> Found:
    far = _apart(runs("unrestricted", barred=0.98)["units_grey"], runs("ban", barred=0.98)["units_grey"])
    return Found(f"smuggled {far:.2%} from the ban", far < NEAR)


def _enforcement(runs: Runs) -> Found:
    none, full = (runs("ban", {"c_enforcement": level}) for level in (0.0, 1.0))
    names = {"grey_premium": 1, "units_grey": -1, "compute_lead": 1}
    holds = all(sign * (full[name] - none[name]) > 0.0 for name, sign in names.items())
    return Found("; ".join(_moves(name, none[name], full[name]) for name in names), holds)


def _flows(runs: Runs, lever: str) -> tuple[float, float, Run]:
    """Change of the domestic flow in the first and in the last year where a control is full, and that run."""
    none, full = runs("bis-2026"), runs("bis-2026", {lever: 1.0})
    first, last = (full.year("acquired_domestic", t) / none.year("acquired_domestic", t) - 1.0 for t in (0, -1))
    return first, last, full


def _memory_control(runs: Runs) -> Found:
    first, last, full = _flows(runs, "c_memory_control")
    text = f"domestic flow {first:+.1%} in the first year, {last:+.1%} in the last"
    before, after = runs("bis-2026")["compute_lead"], full["compute_lead"]
    return Found(f"{text}; {_moves('lead', before, after)}", first < -2.0 * ALIKE and after > before)


def _equipment_control(runs: Runs) -> Found:
    first, last, _ = _flows(runs, "c_equipment_control")
    sooner = _flows(runs, "c_memory_control")[0]
    text = f"domestic flow {first:+.1%} in the first year, {last:+.1%} in the last (memory: {sooner:+.1%} in the first)"
    return Found(text, last < -2.0 * ALIKE and last < first and abs(first) < abs(sooner))


def _domestic_cost(runs: Runs) -> Found:
    one, two = runs("bis-2026"), runs("bis-2026", changes=at(cost_scale=2.0))
    access, revenue = ((one[name], two[name]) for name in ("buyer_access", "revenue"))
    holds = access[1] >= access[0] - 1e-3 and revenue[1] > revenue[0]
    return Found(f"{_moves('access', *access)}; {_moves('revenue', *revenue)}", holds)


def _order(runs: Runs) -> Found:
    names = ("compute_lead", "units_grey", "substitution")
    found = {name: [runs(rule)[name] for rule in RULES] for name in names}
    holds = all(values[0] > values[1] > values[2] for values in found.values())
    return Found("; ".join(_moves(name, *values) for name, values in found.items()), holds)


def _reopened(runs: Runs) -> Found:
    after, free = (run.year("units_open", REOPENED + 1) for run in (runs.reopened, runs("unrestricted")))
    share = after / free
    return Found(f"sold in the year after, {share:.1%} of uninterrupted sales", share <= 0.75)


def _cap(levers: dict[str, float], cap: dict[str, float], more: str, less: str) -> Callable[[Runs], Found]:
    """A cap set beside others: by how much the lead of two workloads rises."""

    def read(runs: Runs) -> Found:
        one, two = runs("unrestricted", levers), runs("unrestricted", {**levers, **cap})
        rise, text = _rises(one, two, (more, less))
        return Found(text, rise[more] > rise[less])

    return read


def _network_effect(runs: Runs) -> Found:
    none, full = (runs("unrestricted", changes=at(network_effect=effect)) for effect in (0.0, 2.0))
    shares = [float(np.mean([run[f"domestic_share_{w}"] for w in WORKLOADS])) for run in (none, full)]
    locked, supply = ([run[name] for run in (none, full)] for name in ("lock_in", "domestic_supply"))
    holds = locked[1] > locked[0] and shares[1] < shares[0] - 0.03 and supply[1] < supply[0]
    moves = (_moves("lock-in", *locked), _moves("domestic share", *shares), _moves("domestic supply", *supply))
    return Found("; ".join(moves), holds)


def _remote(runs: Runs) -> Found:
    none, some = (runs("ban", changes=at(remote_share=share))["compute_lead"] for share in (0.0, 0.3))
    return Found(_moves("lead", none, some), some < none)


def _no_budget(runs: Runs) -> Found:
    poor = runs("ban", changes=at(budget_c=0.001, budget_c_ceiling=0.006))
    wafers, stacks = ((runs.start(start), poor.last(name)) for start, name in (("wafers", "wafers"), ("hbm", "stacks")))
    sold = runs("ban")["units_domestic"], poor["units_domestic"]
    holds = sold[1] < 0.01 and all(end < 1.02 * start for start, end in (wafers, stacks))
    return Found("; ".join((_moves("chips", *sold), _moves("wafers", *wafers), _moves("stacks", *stacks))), holds)


def _headroom(runs: Runs) -> Found:
    wide, tight = (runs("unrestricted", changes=at(capacity_headroom=room)) for room in (1.8, 0.8))
    names = ("units_open", "gross_revenue_c", "displaced_revenue")
    text = "; ".join(_moves(name, wide[name], tight[name]) for name in names)
    return Found(text, all(tight[name] < wide[name] for name in names[:2]))


def _research(runs: Runs) -> Found:
    one, two = runs("ban")["substitution"], runs("ban", changes=at(rd_denial=0.0))["substitution"]
    return Found(_moves("substitution", one, two), _apart(two, one) < 0.25)


def _no_asics(runs: Runs) -> Found:
    one, two = runs("ban"), runs("ban", changes=at(asic_limit=0.0))
    rise, text = _rises(one, two, WORKLOADS)
    return Found(text, min(rise["dc"], rise["pf"]) > rise["ft"] and rise["dc"] > 0.0)


def _efficiency(runs: Runs) -> Found:
    change = at(efficiency_response=0.0)
    with_it = log_lead(runs("ban")) - log_lead(runs("unrestricted"))
    without = log_lead(runs("ban", changes=change)) - log_lead(runs("unrestricted", changes=change))
    return Found(_moves("difference in ln lead", with_it, without), without > with_it)


def _from_the_ban(run: Run, ban: Run) -> dict[str, float]:
    return {name: _apart(run[name], ban[name]) for name in ("units_grey", "domestic_supply", "compute_lead")}


def _rises(one: Run, two: Run, workloads: Sequence[str]) -> tuple[dict[str, float], str]:
    """By how much the logarithm of the lead rises on workloads, and the same in words."""
    rise = {w: log_lead(two, w) - log_lead(one, w) for w in workloads}
    return rise, "ln lead " + ", ".join(f"{w} {value:+.4f}" for w, value in rise.items())


def _apart(value: float, other: float) -> float:
    return abs(value / other - 1.0) if other else abs(value)


_FIGURES = ("frontier_f", "frontier_m", "frontier_i")
_FRONTIER = "A spends dollars: a better frontier chip buys A more computing, and C less of it reaches."
_COSTS = "Dearer chips never earn more: the exporter sees the allied sales that its sales to C displace."
_POWER = "C has power enough today; with half of it less computing can run."

ROWS: Sequence[Row] = (
    Row(1, "frontier x 1.5", "ban", "lead up", _FRONTIER, _lead_up("ban", 1.5, *_FIGURES)),
    Row(1, "frontier x 1.5", "bis-2026", "lead up", _FRONTIER, _lead_up("bis-2026", 1.5, *_FIGURES)),
    *(
        Row(2, "cost_shock 1 to 2", rule, "revenue down", _COSTS, _revenue_down(rule, "cost_shock", 1.0, 2.0))
        for rule in ("unrestricted", "bis-2026")
    ),
    Row(
        3, "unit_cost_frontier 8 to 13", "unrestricted", "revenue down", _COSTS,
        _revenue_down("unrestricted", "unit_cost_frontier", 8.0, 13.0),
    ),
    Row(
        4, "revenue share 0, 50, 99 %", "5 % quota of the frontier chip",
        "sold down, smuggled up, substitution up; at 99 % as the ban",
        "A tax that leaves nothing to sell is a ban: buyers go where they go under one.", _revenue_share,
    ),
    Row(
        5, "buyer_tariff 0 to 2,000 %", "unrestricted", "as the ban",
        "A tariff that nobody pays is a ban too, whoever wrote it.", _buyer_tariff,
    ),
    Row(
        6, "98 % barred, held", "unrestricted", "smuggled as under the ban",
        "A buyer who is barred by its own government smuggles as one who is barred by the exporter's.", _barred,
    ),
    Row(
        7, "c_enforcement 0 to 1", "ban", "premium up, smuggled down, lead up",
        "Less supply at the same demand costs more.", _enforcement,
    ),
    Row(
        8, "c_memory_control 0 to 1", "bis-2026", "domestic flow down at once, lead up",
        "Stacks from abroad are used in the year they come.", _memory_control,
    ),
    Row(
        9, "c_equipment_control 0 to 1", "bis-2026", "domestic flow down, later than row 8",
        "Tools bind when fabs would have grown; what stands goes on working.", _equipment_control,
    ),
    Row(
        10, "domestic unit cost x 2", "bis-2026", "access up or equal, revenue up",
        "Dearer domestic chips leave the government less to protect and buyers more reason to import.", _domestic_cost,
    ),
    Row(
        11, ", ".join(RULES), "-", "lead, smuggled and substitution fall in that order",
        "The looser the rule, the more C has, the less it smuggles and the less it builds.", _order,
    ),
    Row(
        12, "ban, then unrestricted from the fifth year", "unrestricted", "a year later at most 75 % of the sales",
        "A market does not come back at once: what was built stays, and trust returns slowly.", _reopened,
    ),
    Row(
        13, "interconnect cap to 400 GB/s", "compute free", "lead in frontier training up more than in decode",
        "Large runs hang on the link between chips; decoding hardly does.",
        _cap({}, {"c_open_interconnect": 400.0}, "ft", "dc"),
    ),
    Row(
        14, "memory cap to 1,200 GB/s", "open tier of 4,800 TPP", "lead in decode up more than in frontier training",
        "Decoding hangs on memory bandwidth; training hangs on compute.",
        _cap({"c_open_tpp": 4800.0}, {"c_open_memory": 1200.0}, "dc", "ft"),
    ),
    Row(
        15, "network_effect 0 to 2", "unrestricted", "lock-in up, domestic share down by 3 points, supply down",
        "Under free trade a platform keeps those who use it: the stack that is sold is the stack that is learnt.",
        _network_effect,
    ),
    Row(16, "remote_share 0 to 0.3", "ban", "lead down", "What C rents abroad is computing that C has.", _remote),
    *(Row(17, "power of C x 0.5", rule, "lead up", _POWER, _lead_up(rule, 0.5, "power_c")) for rule in RULES),
    Row(
        18, "budget_c to 0.001", "ban", "domestic chips to 0, no capacity from nothing",
        "Makers build for a market: without one there is nothing to build for.", _no_budget,
    ),
    Row(
        19, "capacity_headroom 1.8 to 0.8", "unrestricted", "chips and sales to C down, not their accounting alone",
        "Where capacity binds, the exporter serves whom it earns most from.", _headroom,
    ),
    Row(
        20, "rd_denial to 0", "ban", "substitution moves by less than a quarter",
        "What is built is fabs and memory; research is one part of it.", _research,
    ),
    Row(
        21, "inference ASICs off", "ban", "lead in decode and prefill up more than in frontier training",
        "ASICs are made for inference and useless at the frontier.", _no_asics,
    ),
    Row(
        22, "induced efficiency off", "ban against unrestricted", "their difference in lead larger",
        "Those who are denied learn to do with less: that is part of why a ban gains little.", _efficiency,
    ),
)  # fmt: skip
