"""The plain-Python twin of section 1: time, and what every group looks at in a step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np

from .designs import Margin, Step
from .paths import Chip, Prices, allied_prices, chips_on_sale, spending_a, watts
from .performance import ByWorkload, performances, value_index, weights

INF = math.inf


def namespace(params: np.void) -> SimpleNamespace:
    """One PARAMS record as plain floats by name."""
    return SimpleNamespace(**{name: float(params[name]) for name in params.dtype.names or ()})


def discounted_years(delta: float, y0: float, y1: float) -> float:
    """D_t of equation (1)."""
    if delta == 1.0:
        return y1 - y0
    return (delta**y0 - delta**y1) / -math.log(delta)


def decay_rate(depreciation: float) -> float:
    """d of section 1."""
    return -math.log(1.0 - depreciation)


@dataclass(frozen=True)
class Decay:
    """What is left of a stock after some years, and of a steady flow into it."""

    keep: float
    gain: float  # [year]

    def after(self, stock: float, flow: float) -> float:
        """K+ of equation (2)."""
        return self.keep * stock + self.gain * flow


def decay(d: float, years: float) -> Decay:
    """keep and gain of section 1 over some years."""
    if d == 0.0:
        return Decay(1.0, years)
    return Decay(math.exp(-d * years), -math.expm1(-d * years) / d)


@dataclass
class Adjusting:
    """A state that closes a share of the distance to a target in a year, with its two targets before."""

    X: float
    T_1: float
    T_2: float

    def middle(self, speed: float, dt: float, low: float, high: float) -> float:
        """X_m of equation (4); the target looked ahead to is held between ``low`` and ``high``."""
        ahead = min(high, max(low, self.T_1 + 0.75 * (self.T_1 - self.T_2)))
        return ahead + (self.X - ahead) * (1.0 - speed) ** (0.5 * dt)

    def move(self, target: float, speed: float, dt: float) -> None:
        """The state at the step's end, once its target is known."""
        self.X = target + (self.X - target) * (1.0 - speed) ** dt
        self.T_1, self.T_2 = target, self.T_1


@dataclass(frozen=True)
class World:
    """One scenario, one schedule of policies, one clock: what does not change during a run."""

    levers: np.ndarray
    phase: Sequence[int]
    q: SimpleNamespace
    catalogue: np.ndarray
    n_steps: int
    steps_per_year: int
    start: float
    exponent: int
    barred: Sequence[float] | None
    margin: Margin

    @property
    def dt(self) -> float:
        return 1.0 / self.steps_per_year

    def omega(self, stem: str) -> ByWorkload:
        """Normalised weights: "value_a", "value_c" or "capability"."""
        return weights(self.q, stem)

    def decay(self, years: float) -> Decay:
        """keep and gain over some years."""
        return decay(decay_rate(self.q.depreciation), years)

    def first_step(self, t: int) -> int:
        """The first step of the policy now in force."""
        while t > 0 and int(self.phase[t - 1]) == int(self.phase[t]):
            t -= 1
        return t

    def next_phase(self, t: int) -> int | None:
        """The first later step under another policy, None where there is none."""
        for later in range(t + 1, self.n_steps):
            if int(self.phase[later]) != int(self.phase[t]):
                return later
        return None

    def policy(self, t: int) -> np.void:
        """The levers in force at a step."""
        return self.levers[int(self.phase[t])]

    def effective_enforcement(self, t: int) -> float:
        """Effort under the policy of a step, which stops a share of what the parameter lets through."""
        return 1.0 - (1.0 - self.q.enforcement) * (1.0 - float(self.policy(t)["c"]["enforcement"]))

    def smuggled_share(self, t: int) -> float:
        """enf of section 8."""
        return max(1.0 - self.effective_enforcement(t), 0.001) / (1.0 - self.q.enforcement_reference)


@dataclass(frozen=True)
class Now:
    """One step: its time, its rules and the next phase's, its frontier chip and prices."""

    t: int
    y0: float
    y1: float
    y: float
    policy: np.void
    policy_next: np.void | None  # of the next phase, None where there is none
    left: float  # [year] from the middle to the next phase
    tightens: bool  # the last step of a phase, not of the run
    age: float  # y0 - t0
    at: Step
    f_front: ByWorkload
    v_front: float  # with C's weights
    v_front_a: float
    prices: Prices
    W_1: float  # [kW]
    kappa: float

    @property
    def front(self) -> Chip:
        return self.at.chips[0]


def frontier_at(world: World, y: float) -> tuple[Chip, ByWorkload, float]:
    """The frontier chip at y, its performances, and its index with A's weights."""
    chip = chips_on_sale(world.q, world.catalogue, y, world.start)[0]
    f = performances(chip.F, chip.M, chip.I, world.q, y, world.exponent)
    return chip, f, value_index(f, world.omega("value_a"))


def curvature(world: World, y0: float, y1: float) -> float:
    """kappa of equation (3)."""
    dt = world.dt
    before = spending_a(world.q, y0) * frontier_at(world, y0)[2]
    after = spending_a(world.q, y1) * frontier_at(world, y1)[2]
    g = math.log(after / before) / dt
    d = decay_rate(world.q.depreciation)
    return 1.0 + g * (g + 2.0 * d) * dt**2 / 24.0


def step_of(world: World, t: int) -> Now:
    """What step t looks like to everybody."""
    q, dt = world.q, world.dt
    y0 = t * dt
    y = y0 + 0.5 * dt
    chips = chips_on_sale(q, world.catalogue, y, world.start)
    front, f_front, v_front_a = frontier_at(world, y)
    later = world.next_phase(t)
    return Now(
        t=t,
        y0=y0,
        y1=y0 + dt,
        y=y,
        policy=world.policy(t),
        policy_next=None if later is None else world.policy(later),
        left=INF if later is None else later * dt - y,
        tightens=later == t + 1,
        age=(t - world.first_step(t)) * dt,
        at=Step(q, world.exponent, world.start, y, chips, world.margin),
        f_front=f_front,
        v_front=value_index(f_front, world.omega("value_c")),
        v_front_a=v_front_a,
        prices=allied_prices(q, front.cost, v_front_a),
        W_1=watts(q, front.F, front.F, y),
        kappa=curvature(world, y0, y0 + dt),
    )
