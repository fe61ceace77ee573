"""The one bridge to the kernels: policies and scenarios in, outcomes out.

Lays evaluations out in tiles of lanes (`tiles`), slices the work into calls of a few hundredths of a second (so that
an interrupt is answered at once), spreads the slices over threads, and reduces over scenarios in a fixed order.
Results have the same bits for any number of threads, any slicing and any company a policy is evaluated in.
"""

from __future__ import annotations

import hashlib
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tiercap.kernels import allied, lanes, paths
from tiercap.kernels._jit import vector_bits as vector_bits
from tiercap.kernels.arguments import Allied, Part, Policies, Results, ScenarioTiles
from tiercap.kernels.params import OUTCOMES, TRAJECTORY
from tiercap.kernels.payoff import payoff
from tiercap.kernels.ready import KERNELS, in_cache, ready
from tiercap.optimizer.errors import InputError
from tiercap.optimizer.io.arrays import Floats
from tiercap.optimizer.io.machine import usable_cores
from tiercap.optimizer.model import measures
from tiercap.optimizer.model.horizon import Horizon
from tiercap.optimizer.model.scenarios import Scenarios
from tiercap.optimizer.model.statistics import reduce
from tiercap.optimizer.model.tiles import Layout, allied_rows, share, slices, spaced
from tiercap.optimizer.rules.levers import unrestricted

#: Doubles of outcomes held at a time while reducing.
CHUNK = 4_000_000
#: Bytes of tables for groups A and B held at a time: as many as there are policies, where each has its own rules there.
MAX_ALLIED = 64 * 2**20
#: Tiles of scenarios whose tables one call of a kernel fills: a few hundredths of a second.
FILL = 16
MAX_THREADS = 1024
#: Outcomes [percent] that are others over what those are in the same future without control; no kernel knows that run.
RELATIVE = {"substitution": "domestic_supply", "terminal_substitution": "terminal_supply"}
#: Bytes of scenario tables beyond which a request is refused.
MAX_TABLES = 2 * 2**30


#: A packed operation on doubles, of x86 and of ARM, and how registers of each width are called there.
_PACKED = re.compile(r"\bv?(?:f?n?m?(?:add|sub)[0-9]*|mul|div|sqrt|min|max)pd\b|\bf\w+\s+v[0-9]+\.2d")
_REGISTERS = {128: "%xmm", 256: "%ymm", 512: "%zmm"}


class Clock(Protocol):
    """What the evaluator reads of a horizon; a `Horizon` is one."""

    @property
    def start(self) -> float: ...

    @property
    def steps(self) -> int: ...

    @property
    def steps_per_year(self) -> int: ...

    @property
    def roofline_exponent(self) -> int: ...


class Evaluator:
    """Evaluates policies in one set of scenarios over one horizon."""

    def __init__(
        self,
        scenarios: Scenarios,
        horizon: Clock,
        catalogue: np.ndarray,
        threads: int | None = None,
        barred: Floats | None = None,
        rivals: Callable[[], np.ndarray] | None = None,
    ) -> None:
        """
        catalogue : CHIP[n], newest first, at most `lanes.MAX_CHIPS` entries
        threads : kernel threads; all cores by default
        barred : float64[n_steps], share of C's budget barred in each step; NaN, and by default every step, leaves it
            to the buyer's response
        rivals : makes LEVERS[n, n_phases], the policies among which regret looks for the best of each scenario; called
            when a regret is asked for
        """
        if not 1 <= len(catalogue) <= lanes.MAX_CHIPS:
            raise InputError(f"a catalogue has 1 to {lanes.MAX_CHIPS} chips, not {len(catalogue)}")
        self.scenarios = scenarios
        self.horizon = horizon
        self.catalogue = np.array(catalogue, order="C")
        self.threads = thread_count(threads)
        self.rivals = rivals
        self._kept: tuple[bytes, Floats] | None = None  # see `_home`
        self.barred = np.full(horizon.steps, np.nan) if barred is None else np.array(barred, np.float64)
        possible = np.isnan(self.barred) | ((self.barred >= 0.0) & (self.barred <= 0.99))
        if self.barred.shape != (horizon.steps,) or not possible.all():
            raise InputError(f"a path of barred shares has a number from 0 to 0.99 for each of {horizon.steps} steps")

    @cached_property
    def _tables(self) -> tuple[Floats, Floats]:
        """Constants and paths of the scenario tiles, filled once."""
        layout = Layout(1, len(self.scenarios))
        params = np.ascontiguousarray(self.scenarios.table[layout.columns()])
        h = self.horizon
        q = spaced(layout.tiles, lanes.CONSTANTS_SIZE)
        x = spaced(layout.tiles, h.steps, lanes.PATHS_SIZE)
        start, exponent = float(h.start), int(h.roofline_exponent)

        def fill(first: int, last: int) -> None:
            some, part = params[first * lanes.LANES : last * lanes.LANES], slice(first, last)
            paths.fill_constants(some, self.catalogue, h.steps_per_year, start, exponent, q[part])
            paths.fill_paths(some, self.catalogue, h.steps, h.steps_per_year, start, exponent, q[part], x[part])

        ready()  # before threads start
        jobs = [(first, min(first + FILL, layout.tiles)) for first in range(0, layout.tiles, FILL)]
        share(fill, jobs, self.threads)
        x[:, :, lanes.BARRED_IMPOSED : lanes.BARRED_IMPOSED + lanes.LANES] = self.barred[:, None]
        return q, x

    def outcomes(self, levers: np.ndarray, phase: Sequence[int] | None = None, relative: bool = True) -> Floats:
        """All outcomes of each policy in each scenario: float64[n_policies, n_outcomes, n_scenarios].

        levers : LEVERS[n_policies, n_phases]
        phase : for every step the column of levers in force; by default the first throughout
        relative : whether those of `RELATIVE` are wanted, which cost one run of no control, the first time; else NaN
        """
        without_control = self._without_control if relative else {}  # first: groups A and B are kept of the last run
        parts = list(self.chunks(len(levers))) or [slice(0)]  # an empty part is refused
        if len(parts) == 1:
            result = self._run(levers, phase, trajectory=False)[0]
        else:
            result = np.empty((len(levers), len(OUTCOMES), len(self.scenarios)))
            for part in parts:
                result[part] = self._run(levers[part], phase, trajectory=False)[0]
        for name, without in without_control.items():
            result[:, OUTCOMES.index(name)] = _percent_over(result[:, OUTCOMES.index(RELATIVE[name])], without)
        return result

    @cached_property
    def _without_control(self) -> dict[str, Floats]:
        """What each outcome of `RELATIVE` is measured from, float64[n_scenarios]: the same futures without control."""
        found = self._run(unrestricted().reshape(1, 1), None, trajectory=False)[0][0]
        return {name: found[OUTCOMES.index(of)] for name, of in RELATIVE.items()}

    def trajectories(self, levers: np.ndarray, phase: Sequence[int] | None = None) -> Floats:
        """Every step of each policy in each scenario: float64[n_policies, n_steps, n_fields, n_scenarios]."""
        return self._run(levers, phase, trajectory=True)[1]

    def statistics(
        self,
        levers: np.ndarray,
        wanted: Sequence[tuple[str, str]],
        phase: Sequence[int] | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> Floats:
        """Statistics over the scenarios: float64[n_policies, len(wanted)], without holding all outcomes.

        wanted : pairs of outcome and statistic (see `measures`)
        progress : called with the number of policies done since the last call
        """
        result = np.empty((len(levers), len(wanted)))
        relative = any(outcome in RELATIVE for outcome, _ in wanted)
        for part in self.chunks(len(levers)):
            result[part] = self.reduced(self.outcomes(levers[part], phase, relative), wanted)
            if progress:
                progress(part.stop - part.start)
        return result

    def reduced(self, outcomes: Floats, wanted: Sequence[tuple[str, str]]) -> Floats:
        """`statistics` of all outcomes in all scenarios, float64[n_policies, n_outcomes, n_scenarios]."""
        result = np.empty((len(outcomes), len(wanted)))
        for k, (outcome, statistic) in enumerate(wanted):
            values = outcomes[:, OUTCOMES.index(outcome), :]
            applied = measures.applied(outcome, statistic)
            result[:, k] = reduce(values, self.scenarios.weights, applied, self.best(outcome, statistic))
        return result

    def best(self, outcome: str, statistic: str) -> Floats | None:
        """The best known of an outcome in each scenario, float64[n_scenarios], for a regret; None for all else."""
        s = measures.parse(statistic)
        if s.kind != "regret":
            return None
        lowest, highest = self._extremes
        return (lowest if s.upper else highest)[OUTCOMES.index(outcome)]

    @cached_property
    def _extremes(self) -> tuple[Floats, Floats]:
        """Least and largest of every outcome among the rivals: float64[n_outcomes, n_scenarios] each.

        A rival whose outcome is not a number is not known there.
        """
        if self.rivals is None:
            raise InputError("regret needs policies among which to look for the best of each scenario")
        levers = self.rivals()
        shape = (len(OUTCOMES), len(self.scenarios))
        lowest, highest = np.full(shape, np.nan), np.full(shape, np.nan)
        for part in self.chunks(len(levers)):
            values = self.outcomes(levers[part])
            lowest, highest = np.fmin(lowest, np.fmin.reduce(values)), np.fmax(highest, np.fmax.reduce(values))
        return lowest, highest

    def best_known(self) -> str | None:
        """SHA-256 of what is known of the best in each scenario, None where nothing asked for a regret."""
        found = self.__dict__.get("_extremes")
        return None if found is None else hashlib.sha256(b"".join(array.tobytes() for array in found)).hexdigest()

    def chunks(self, n_policies: int) -> Iterator[slice]:
        """Slices of policies whose outcomes fit the memory set aside for them."""
        allied = 8 * lanes.ALLIED_SIZE * self.horizon.steps * Layout(1, len(self.scenarios)).tiles
        size = max(1, min(CHUNK // (len(OUTCOMES) * len(self.scenarios)), MAX_ALLIED // allied))
        for first in range(0, n_policies, size):
            yield slice(first, min(first + size, n_policies))

    def _run(self, levers: np.ndarray, phase: Sequence[int] | None, trajectory: bool) -> tuple[Floats, Floats]:
        steps, spy = self.horizon.steps, self.horizon.steps_per_year
        in_force = np.zeros(steps, np.int64) if phase is None else np.array(phase, np.int64)
        self._check(levers, in_force)
        layout = Layout(len(levers), len(self.scenarios))
        q, x = self._tables
        levers = np.array(levers, order="C")  # a copy: a read-only array would be another type to the compiler
        policies = layout.policies()
        rules, home, allied = allied_rows(levers, policies)
        met = ScenarioTiles(spy, self.catalogue, int(self.horizon.roofline_exponent), q, x)
        a = self._home(rules + in_force.tobytes(), Policies(levers, home, in_force), met)
        out = spaced(layout.rows, layout.tiles, len(OUTCOMES), lanes.LANES)
        path = spaced(layout.rows * trajectory, layout.tiles, steps, len(TRAJECTORY), lanes.LANES)
        work = (Policies(levers, policies, in_force), met, Allied(allied, a), Results(out, path))
        self._spread(payoff, layout.rows, layout.tiles, work)
        return layout.gather(out), layout.gather(path) if trajectory else path

    def _home(self, key: bytes, policies: Policies, met: ScenarioTiles) -> Floats:
        """Groups A and B under the rules that ``key`` names: float64[n_allied, n_tiles, n_steps, ALLIED_SIZE].

        They take a third of the time of a policy evaluated alone, so the last ones are kept, unless they are larger
        than the tables of the scenarios: the next policies often leave A and B as they are.
        """
        if self._kept and self._kept[0] == key:
            return self._kept[1]
        self._kept = None  # two at a time would be twice the memory
        rows, tiles, steps = len(policies.lanes), *met.paths.shape[:2]
        a = spaced(rows, tiles, steps, lanes.ALLIED_SIZE)
        self._spread(allied.fill_allied, rows, tiles, (policies, met, a))
        if a.nbytes <= met.paths.nbytes:
            self._kept = key, a
        return a

    def _check(self, levers: np.ndarray, phase: NDArray[np.int64]) -> None:
        if len(levers) == 0:
            raise InputError("there is no policy to evaluate")
        if len(phase) != self.horizon.steps or phase.min() < 0 or phase.max() >= levers.shape[1]:
            n, steps = levers.shape[1], self.horizon.steps
            raise InputError(f"a schedule names one of {n} policies for each of {steps} steps")

    def _spread(self, kernel: Callable[..., None], rows: int, tiles: int, arguments: tuple[object, ...]) -> None:
        """Run a kernel over all rows and tiles, a slice a call, on the evaluator's threads."""
        share(lambda *bounds: kernel(Part(*bounds), *arguments), list(slices(rows, tiles, self.threads)), self.threads)


def _percent_over(values: Floats, without: Floats) -> Floats:
    """By how many per cent ``values`` float64[..., n] exceed ``without`` float64[n]; nothing over nothing is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        over = 100.0 * (values / without - 1.0)
    return np.where((values == 0.0) & (without == 0.0), 0.0, over)



def performances(scenarios: Scenarios, horizon: Clock, chip: np.ndarray) -> Floats:
    """What one chip delivers on the four workloads: float64[n_steps, 4, n].

    chip : CHIP[1] that does not move and is on sale from the start, so that it is its catalogue's frontier chip
    """
    layout = Layout(1, len(scenarios))
    _, x = Evaluator(scenarios, horizon, chip, 1)._tables
    first, shape = lanes.FRONTIER_PERFORMANCE, (layout.tiles, horizon.steps, 4, lanes.LANES)
    found = x[:, :, first : first + 4 * lanes.LANES].reshape(shape)
    return layout.gather(np.ascontiguousarray(found)[None])[0]


def check_size(n_scenarios: int, horizon: Horizon) -> None:
    """Refuse scenarios whose tables alone would not fit the memory of a laptop."""
    most = scenarios_within(MAX_TABLES, horizon)
    if n_scenarios > most:
        raise InputError(
            f"{n_scenarios:,} scenarios over {horizon.steps} steps do not fit the {MAX_TABLES // 2**30} GiB set aside "
            f"for them: ask for at most {most:,} (scenarios.count), or for fewer steps (horizon.years)"
        )


def scenarios_within(room: int, horizon: Horizon) -> int:
    """How many scenarios have tables of at most ``room`` bytes, whole tiles, at least one."""
    tile = 8 * (lanes.CONSTANTS_SIZE + horizon.steps * (lanes.PATHS_SIZE + lanes.ALLIED_SIZE))
    return max(1, room // tile) * lanes.LANES


def code_digest() -> str:
    """SHA-256 of the sources of all kernels, in hexadecimal: what turns policies into numbers."""
    digest = hashlib.sha256()
    for path in sorted(Path(lanes.__file__).parent.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def thread_count(threads: int | None) -> int:
    """The number of kernel threads asked for, all available cores by default."""
    if threads is None:
        return usable_cores()
    if not 1 <= threads <= MAX_THREADS:
        raise InputError(f"the number of threads must lie between 1 and {MAX_THREADS}, not {threads}")
    return threads


def kernels_are_compiled() -> bool:
    """Whether compiled kernels lie in the cache, so that a first call need not wait for the compiler."""
    return all(map(in_cache, KERNELS))


def signatures() -> dict[str, int]:
    """How many signatures each kernel is compiled for in this process: one, once it was called; 0 without compiler."""
    return {name: len(getattr(kernel, "signatures", ())) for name, kernel in KERNELS.items()}


def vector_instructions() -> dict[int, int] | None:
    """Arithmetic on doubles in `payoff` by the bits of its vectors; None unless it was compiled in this process.

    Code that came from the cache is an object file, whose instructions cannot be listed.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that there is nothing to list
            text = "\n".join(payoff.inspect_asm().values())
    except (AttributeError, NotImplementedError, RuntimeError):
        return None
    lines = [line for line in text.splitlines() if _PACKED.search(line)]
    return {bits: sum(name in line for line in lines) for bits, name in _REGISTERS.items()} if lines else None
