"""Children of policies, in the unit cube of the levers: what the multi-fidelity engine tries.

Three kinds. *sbx*: simulated binary crossover and polynomial mutation (Deb and Agrawal 1995; Deb et al. 2002). *line*:
a step along the line through two parents and a small one off it (Vassiliades and Mouret 2018, "Discovering the elite
hypervolume by leveraging interspecies correlation"). *difference*: a share of the difference of two parents added to
half of the levers of a third (Storn and Price 1997). What leaves the cube is put on its wall: many of the best policies
have a lever at the end of its range, and a search that reflects finds fewer of them (benchmarks/README.md).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tiercap.optimizer.io.arrays import Floats

#: Share of levers that a difference is added to.
CROSSED = 0.5
#: A random step's standard deviation in a lever over what the parents are apart there, and its least over its most.
APART, LEAST = 0.5, 0.1


def children(parents: tuple[Floats, Floats, Floats], options: Mapping[str, float], rng: np.random.Generator) -> Floats:
    """One child of each triple of parents: float64[n, d] in the unit cube.

    parents : three arrays float64[n, d]; the first is the one a child stays nearest to
    options : sbx, line (shares of the kinds), crossover_eta, crossover_prob, mutation_eta, mutations, spread, reach,
        difference: see `engines`
    """
    first, second, third = parents
    crossed = mutated(crossover(first, second, options, rng), options, rng)
    kind = rng.random((len(first), 1))
    along = line(first, second, options, rng)
    moved = difference(first, second, third, options, rng)
    sbx, straight = options["sbx"], options["sbx"] + options["line"]
    return np.clip(np.where(kind < sbx, crossed, np.where(kind < straight, along, moved)), 0.0, 1.0)


def crossover(first: Floats, second: Floats, options: Mapping[str, float], rng: np.random.Generator) -> Floats:
    """Simulated binary crossover: each lever of a pair that crosses moves with probability one half."""
    u = rng.random(first.shape)
    power = 1.0 / (options["crossover_eta"] + 1.0)
    beta = np.where(u < 0.5, (2.0 * u) ** power, (0.5 / (1.0 - u)) ** power)
    pairs = rng.random((len(first), 1)) < options["crossover_prob"]
    moves = pairs & (rng.random(first.shape) < 0.5)
    return np.clip(np.where(moves, 0.5 * ((1.0 + beta) * first + (1.0 - beta) * second), first), 0.0, 1.0)


def mutated(points: Floats, options: Mapping[str, float], rng: np.random.Generator) -> Floats:
    """Polynomial mutation with bounds; ``mutations`` levers of a child on average."""
    u = rng.random(points.shape)
    hit = rng.random(points.shape) < options["mutations"] / points.shape[1]
    power = options["mutation_eta"] + 1.0
    below = 2.0 * u + (1.0 - 2.0 * u) * (1.0 - points) ** power
    above = 2.0 * (1.0 - u) + (2.0 * u - 1.0) * points**power
    step = np.where(u < 0.5, below ** (1.0 / power) - 1.0, 1.0 - above ** (1.0 / power))
    return np.where(hit, points + step, points)


def line(first: Floats, second: Floats, options: Mapping[str, float], rng: np.random.Generator) -> Floats:
    """A normal step along the line from ``first`` to ``second``, and a smaller one in every lever."""
    along = options["reach"] * rng.standard_normal((len(first), 1)) * (second - first)
    return first + along + _jitter(second - first, options["spread"], rng)


def difference(
    first: Floats, second: Floats, third: Floats, options: Mapping[str, float], rng: np.random.Generator
) -> Floats:
    """``first`` with a share of ``second`` minus ``third`` added to half of its levers."""
    moves = rng.random(first.shape) < CROSSED
    jitter = _jitter(second - third, 0.3 * options["spread"], rng)
    return np.where(moves, first + options["difference"] * (second - third) + jitter, first)


def _jitter(apart: Floats, most: float, rng: np.random.Generator) -> Floats:
    """A random step, the smaller the closer two parents are: a lever may need steps far below its range."""
    return np.minimum(most, APART * np.abs(apart) + LEAST * most) * rng.standard_normal(apart.shape)
