"""The plain-Python twin of section 1: time, and what every group looks at in a step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np

from .designs import Margin, Step
from .paths import Chip, chips_on_sale, reference_price
from .performance import ByWorkload, performances, value_index, weights


def share_per_step(yearly: float, dt: float) -> float:
    """Section 1: a partial adjustment at rate s a year becomes 1 - (1-s)^dt a step."""
    return 1.0 - (1.0 - yearly) ** dt


def steps_in_force(phase: Sequence[int], t: int) -> int:
    """t - t0, t0 the first step of the current run of the policy in force at t."""
    t0 = t
    while t0 > 0 and int(phase[t0 - 1]) == int(phase[t]):
        t0 -= 1
    return t - t0


def namespace(params: np.void) -> SimpleNamespace:
    """One PARAMS record as plain floats by name."""
    return SimpleNamespace(**{name: float(params[name]) for name in params.dtype.names or ()})


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

    @property
    def enforcement(self) -> float:
        """enf of section 8, item 4."""
        return (1.0 - self.q.enforcement) / (1.0 - self.q.enforcement_reference)

    def omega(self, stem: str) -> ByWorkload:
        """Normalised weights: "value_a", "value_c" or "capability"."""
        return weights(self.q, stem)


@dataclass(frozen=True)
class Now:
    """One step: its time, its rules and the next step's, its frontier chip and prices."""

    t: int
    y: float
    last: bool
    policy: np.void
    policy_next: np.void
    in_force: int
    at: Step
    front_next: Chip
    f_front: ByWorkload
    v_front: float  # with C's weights
    P: float
    a_0: float  # attraction of remote or deferred use

    def next_rule(self, group: str) -> np.void | None:
        """A group's rule of the next step, None in the last."""
        return None if self.last else self.policy_next[group]


def step_of(world: World, t: int) -> Now:
    """What step t looks like to everybody."""
    q, start = world.q, world.start
    y = t * world.dt
    last = t == world.n_steps - 1
    chips = chips_on_sale(q, world.catalogue, y, start)
    front = chips[0]
    f_front = performances(front.F, front.M, front.I, q, y, world.exponent)
    in_force = steps_in_force(world.phase, t)
    in_force_next = 0 if last else steps_in_force(world.phase, t + 1)
    at = Step(q, world.exponent, start, y, chips, world.margin, in_force * world.dt, in_force_next * world.dt)
    P = reference_price(q, y)
    return Now(
        t=t,
        y=y,
        last=last,
        policy=world.levers[int(world.phase[t])],
        policy_next=world.levers[int(world.phase[t if last else t + 1])],
        in_force=in_force,
        at=at,
        front_next=chips_on_sale(q, world.catalogue, y + world.dt, start)[0],
        f_front=f_front,
        v_front=value_index(f_front, world.omega("value_c")),
        P=P,
        a_0=(q.outside_price * P) ** (-q.price_sensitivity),
    )
