"""Makes the pages reference-*.md beside this file from the program itself, and the end of model.md: `make reference`.

What a page says comes from the command line's own help, from the tables that the model and the search read, and from
docstrings. A test holds the committed pages to what this file makes.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import click
import make_equations

from tiercap.kernels.params import OUTCOME_LIST, TRAJECTORY_LIST, Outcome
from tiercap.optimizer.calibration import calibrate
from tiercap.optimizer.cli import COMMANDS, group, guard
from tiercap.optimizer.cli.rules import GROUP_WORDS
from tiercap.optimizer.cli.rules import _terms as rule_terms
from tiercap.optimizer.model import measures, parameters, statistics
from tiercap.optimizer.model.parameters import ParameterInfo
from tiercap.optimizer.rules.book import Rule, load_rules
from tiercap.optimizer.rules.levers import LEVERS_TABLE, part
from tiercap.optimizer.study import engines, load
from tiercap.optimizer.study.records import LEVER_PARTS

COMMAND = "make reference"
NOTE = f"<!-- Made by `{COMMAND}`; changes belong into the program, not into this page. -->\n"
#: Columns of the help, whatever the terminal.
WIDTH = 100

#: Where docs/model.md defines outcomes, by how their names begin: the longest that fits counts. Section 9 where nothing
#: is said.
EQUATIONS = {
    "compute_lead": "(45), 9",
    "terminal_compute_lead": "(45), 9",
    "stock_": "(2)",
    "substitution": "(24), 9",
    "terminal_substitution": "(24), 9",
    "domestic_supply": "(24)",
    "terminal_supply": "(24)",
    "domestic_chips": "(24)",
    "domestic_cost": "(20)",
    "domestic_value": "(7)",
    "domestic_revenue": "(36)",
    "domestic_share": "(36), 9",
    "terminal_domestic_share": "(36), 9",
    "import_share": "(36), 9",
    "grey_share": "(36), 9",
    "grey_premium": "(35), 9",
    "research": "(41)",
    "equipment_sales": "(21), 9",
    "units_a": "(17)",
    "units_b": "7",
    "units_open": "(36)",
    "units_licensed": "(36)",
    "units_grey": "(36)",
    "units_domestic": "(36)",
    "acquired_": "(36), 9",
    "acquired_rented": "7, 9",
    "price_allied": "(9)",
    "reference_price": "(9)",
    "price_open": "(14)",
    "price_licensed": "(14)",
    "price_grey": "(35)",
    "price_domestic": "(36)",
    "value_": "(7)",
    "wafers": "(21)",
    "die_yield": "(19)",
    "stacks": "(22)",
    "memory_binds": "(23)",
    "write_downs": "(44)",
    "displaced_revenue": "8, item 12",
    "design_cost": "4, 9",
    "buyer_access": "(31), 9",
    "terminal_access": "(31), 9",
    "barred": "(31)",
    "belief": "(4), (38)",
    "lock_in": "(4), (39)",
    "served": "(37)",
    "access": "(38)",
    "capacity_binds": "(25)",
}


def pages() -> dict[str, str]:
    """Every page by file name."""
    made = {
        "reference-commands.md": _commands,
        "reference-model.md": _model,
        "reference-search.md": _search,
        "reference-rules.md": _rules,
    }
    return {name: _text(write) for name, write in made.items()}


def _text(write: Callable[[], Iterator[str]]) -> str:
    return NOTE + "\n".join(write()).rstrip() + "\n"


def _cell(text: object) -> str:
    """Text that a cell of a table can hold: no pipe, no tag, one line."""
    plain = " ".join(str(text).split())
    return plain.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*") or "-"


def _table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    yield ""
    yield f"| {' | '.join(heads)} |"
    yield "|" + "---|" * len(heads)
    for row in rows:
        yield f"| {' | '.join(_cell(cell) for cell in row)} |"
    yield ""


def _code(name: str) -> str:
    return f"`{name}`"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:.6g}"


# --- commands ---


def _commands() -> Iterator[str]:
    yield "# Commands"
    yield ""
    yield "What `--help` says of every command. Results go to standard output, messages and progress to standard error."
    top = click.Context(group, info_name="tiercap", terminal_width=WIDTH, **group.context_settings)
    names = group.list_commands(top)
    links = ([f"[`tiercap {name}`](#tiercap-{name})", COMMANDS[name]] for name in names)
    yield from _table(["command", "what it does"], links)
    yield "## Exit codes"
    yield from _table(["code", "means"], _exit_codes())
    yield from _help(group, top)


def _exit_codes() -> list[tuple[str, str]]:
    """The list that opens the module in which every command ends."""
    listed = inspect.getdoc(guard).split("\n\n")[1].replace("\n", " ").rstrip(".")
    return [tuple(entry.split(" ", 1)) for entry in re.split(r", (?=\d)", listed)]


def _help(command: click.Command, context: click.Context) -> Iterator[str]:
    yield f"## {context.command_path}"
    yield ""
    yield "```text"
    yield command.get_help(context)
    yield "```"
    yield ""
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from _help(below, click.Context(below, info_name=name, parent=context))


# --- the model ---


def _model() -> Iterator[str]:
    infos = parameters.table()
    yield "# Parameters, levers and outcomes"
    yield ""
    yield (
        f"The model has {len(infos)} parameters (what the world chooses), {len(LEVER_PARTS)} levers (what the "
        f"regulator chooses) and {len(OUTCOME_LIST)} outcomes. [The model](model.md) says how they hang together. "
        "Numbers are in the unit of their row; `1` is a plain number or a share. G stands for 10^9, M for 10^6, k for "
        "10^3; money is in US dollars; a growth factor of 1.35 a year is written `1.35` with the unit `1/year`."
    )
    yield ""
    yield "## Parameters"
    yield ""
    yield (
        "*low* and *high* are the ends of the range that futures are drawn from, *distribution* its shape there. A "
        "*constant* is the same in every future. The default futures are members of an ensemble that was "
        "[fitted to the record](calibration.md); what it does not speak of is drawn from these ranges. In brackets "
        "behind a source stands its evidence: official, press, secondary, derived, assumption or recalled."
    )
    for name in dict.fromkeys(info.group for info in infos):
        yield from _parameters(name, [info for info in infos if info.group == name])
    yield "## Levers"
    yield from _levers()
    yield "## Outcomes"
    yield ""
    yield "Totals of a run; any of them can be an objective or a constraint. Numbers in brackets are equations of"
    yield "[the model](model.md), others its sections."
    yield from _table(["outcome", "unit", "equation", "meaning"], map(_outcome, OUTCOME_LIST))
    yield "### Of every step"
    yield ""
    yield "What `--trajectory` shows. Flows are per step, rates per year."
    yield from _table(["outcome", "unit", "equation", "meaning"], map(_outcome, TRAJECTORY_LIST))


def _parameters(name: str, infos: list[ParameterInfo]) -> Iterator[str]:
    yield f"### Group `{name}`"
    rows = (
        [_code(i.name), i.unit, _number(i.value), _number(i.low), _number(i.high),
         i.distribution.name if i.distribution else "-", i.kind, i.meaning]
        for i in infos
    )  # fmt: skip
    yield from _table(["parameter", "unit", "value", "low", "high", "distribution", "kind", "meaning"], rows)
    yield "<details><summary>Sources</summary>"
    yield from _table(["parameter", "value", "range"], ([_code(i.name), *_sources(i)] for i in infos))
    yield "</details>"
    yield ""


def _sources(info: ParameterInfo) -> tuple[str, str]:
    span = f"{info.range_source} [{info.range_evidence}]" if info.range_source else ""
    return f"{info.source} [{info.evidence}]", span


def _levers() -> Iterator[str]:
    yield ""
    yield (
        "A lever's name is its group (`a`, `b`, `c`), for caps its tier (`open`, `licensed`), and its figure: "
        "`c_licensed_tpp`, `b_quota_share`. Any of them may be set in a policy or moved by a study. *lifted by none* "
        "means that the word `none` takes the cap, quota or date away."
    )
    own = [name for name in LEVER_PARTS if part(name).group == "c" and part(name).tier in (None, 0)]
    rows = []
    for name in own:
        lever = LEVER_PARTS[name]
        tier = "_" if part(name).tier is None else "_TIER_"
        lifted = "yes" if LEVERS_TABLE[name].liftable else "no"
        meaning = lever.meaning.split(", group")[0]
        rows.append(
            [_code(f"GROUP{tier}{part(name).field}"), lever.unit, f"{_number(lever.low)} to {_number(lever.high)}",
             lifted, meaning]
        )  # fmt: skip
    yield from _table(["lever", "unit", "domain", "lifted by none", "meaning"], rows)
    study = load.load()
    yield f"### What the study `{study.name}` moves"
    ranges = (
        [_code(r.name), r.unit, f"{_number(r.low)} to {_number(r.high)}", "logarithmic" if r.log else "linear",
         _code(r.within) if r.within else "-"]
        for r in study.levers
    )  # fmt: skip
    yield from _table(["lever", "unit", "range", "scale", "as a fraction of"], ranges)


def _outcome(outcome: Outcome) -> list[str]:
    fits = [stem for stem in EQUATIONS if outcome.name.startswith(stem)]
    return [_code(outcome.name), outcome.unit, EQUATIONS[max(fits, key=len)] if fits else "9", outcome.meaning]


# --- the search ---


def _search() -> Iterator[str]:
    yield "# Statistics, engines and structures"
    yield ""
    yield "## Statistics over the futures"
    yield ""
    yield "An objective, a constraint, a bound or a column is a statistic of an outcome. As an example, of `revenue`,"
    yield "which is to be maximised, and of `substitution`, which is to be minimised:"
    yield from _table(["statistic", "column", "unit", "direction", "meaning"], _statistics())
    yield "What the words mean, in general:"
    yield ""
    yield from _list(inspect.getdoc(measures))
    yield ""
    yield "How they are computed. With scenarios sorted by value, total weight W and cumulative weight C_k:"
    yield ""
    yield from _list(inspect.getdoc(statistics))
    yield ""
    yield "## Engines"
    yield ""
    yield "`--engine NAME` or `search.engine` chooses one; its options stand under `[search.options]` of a study, or"
    yield "are set by `--set search.options.NAME=VALUE`. *needs* names the extra that installs what is missing."
    rows = (
        [_code(name), e.meaning, "one" if e.single else "several", "yes" if e.constraints else "no", e.extra or "-"]
        for name, e in engines.ENGINES.items()
    )
    yield from _table(["engine", "what it is", "objectives", "heeds constraints", "needs"], rows)
    for name, engine in engines.ENGINES.items():
        if engine.options:
            yield f"### Options of `{name}`" + (", the default engine" if name == engines.DEFAULT else "")
            options = ([_code(o), s.default, s.rule, s.meaning] for o, s in engine.options.items())
            yield from _table(["option", "default", "must be", "meaning"], options)
    yield "### Pruners"
    yield from _table(["pruner", "what it does"], ([_code(name), text] for name, text in engines.PRUNERS.items()))
    yield "## Structures"
    yield ""
    yield inspect.getdoc(calibrate).split("\n\n")[1]
    yield from _table(["structure", "C's government"], _structures())
    yield "`--structure NAME` keeps the members of one."


def _statistics() -> Iterator[list[str]]:
    """Every word for an outcome to be maximised, then those that differ for one to be minimised."""
    words: list[tuple[str, float | None]] = [
        *((word, None) for word in (*measures.PLAIN, "p05", "p95", "cvar10", "regret", "regret90")),
        ("satisfice", 20.0),
        ("mean_sd", 1.0),
    ]
    for outcome, direction in (("revenue", "maximise"), ("substitution", "minimise")):
        for word, number in words:
            whole = measures.resolve(word, direction, number)
            if direction == "minimise" and whole == word:
                continue
            key = "" if number is None else f", {measures.NUMBER_KEYS[word]} = {number:g}"
            goals = {measures.goal(whole, way) for way in ("maximise", "minimise")}
            goal = f"to {goals.pop()}" if len(goals) == 1 else "as the outcome"
            said = measures.meaning(outcome, whole).partition("; ")[2]
            yield [_code(word) + key, _code(measures.column(outcome, whole)), measures.unit(outcome, whole), goal, said]


def _list(docstring: str) -> Iterator[str]:
    """The list in a docstring, without the paragraphs around it."""
    for block in docstring.split("\n\n"):
        if re.search(r"^- ", block, re.MULTILINE):
            yield block[re.search(r"^- ", block, re.MULTILINE).start() :]


def _structures() -> Iterator[list[str]]:
    for structure in calibrate.STRUCTURES:
        said = "decides, equations (29) to (31)" if structure.decides else "has decided: what it bars stands"
        yield [_code(structure.label), said]


# --- rules ---


def _rules() -> Iterator[str]:
    yield "# Rules"
    yield ""
    yield "Rules that are built in, as `tiercap rules NAME` shows them. A limb is a box of caps; a chip is admitted"
    yield "by it if every figure lies strictly below its cap, `-` is no cap. What several rules share is repeated."
    listed = load_rules()
    rows = (
        [f"[`{name}`](#{name})", r.date or "-", "yes" if r.in_force else "no", r.title] for name, r in listed.items()
    )
    yield from _table(["rule", "date", "applied", "title"], rows)
    for rule in listed.values():
        yield from _rule(rule)


def _rule(rule: Rule) -> Iterator[str]:
    yield f"## {rule.name}"
    yield ""
    yield f"{rule.title}. {rule.notes}"
    if rule.citations:
        yield ""
        yield from (f"- {citation}" for citation in rule.citations)
    heads = ["group", "tier", "limb", "TPP", "memory [GB/s]", "I/O [GB/s]", "TPP/mm2", "memory + I/O [GB/s]", "terms"]
    rows = [
        [name.upper(), limb.tier, limb.name, *map(_cap, (limb.tpp, limb.memory_gbs, limb.interconnect_gbs, limb.density,
         limb.bandwidth_sum_gbs)), rule_terms(limb)]
        for name, limbs in rule.by_group.items() for limb in limbs
    ]  # fmt: skip
    yield from _table(heads, rows)
    for name in (name for name, limbs in rule.by_group.items() if not limbs):
        yield f"Group {name.upper()} ({GROUP_WORDS[name]}): nothing is admitted.\n"


def _cap(value: float) -> str:
    return "-" if value == float("inf") else f"{value:,.6g}" if value < 1000 else f"{value:,.0f}"


if __name__ == "__main__":
    make_equations.write()
    for file, content in pages().items():
        Path(__file__).with_name(file).write_text(content, encoding="utf-8")
