"""The design a box leaves of a chip, and the best that a rule admits: docs/model.md section 4."""

from __future__ import annotations

import numpy as np

from . import lanes as n
from ._jit import inline, tile
from .lanes import LANES
from .params import MAX_BOXES
from .performance import index_lane, perform
from .rules import box_in_use, load_box


@inline
def _cut(figure, cap, kept):
    """A figure strictly below its cap stays, another is set a slack below the cap (kept is 1 - slack)."""
    return figure if figure < cap else kept * cap


@tile
def sum_test_binds(w, x, chip):
    """Whether a cap on both bandwidths together leaves a second way to design the chip, in any lane."""
    at = chip * n.CHIP_ROWS * LANES
    both = 0
    for i in range(LANES):
        kept = w[n.ONE_LESS_SLACK + i]
        m = _cut(x[n.CHIP_MEMORY + at + i], w[n.CAP_MEMORY + i], kept)
        c = _cut(x[n.CHIP_INTERCONNECT + at + i], w[n.CAP_INTERCONNECT + i], kept)
        both += 1 if (m + c >= w[n.CAP_BANDWIDTH_SUM + i]) & (w[n.CAP_BANDWIDTH_SUM + i] > 0.0) else 0
    return both > 0


@tile
def design(w, x, area, chip, alternative):
    """Equation (10): the chip as the loaded box admits it. Returns how many lanes have a design.

    alternative 0 cuts memory, 1 interconnect where their sum is capped; where the sum does not bind the second
    repeats the first and is not a design of its own.
    """
    at = chip * n.CHIP_ROWS * LANES
    first = alternative == 0
    count = 0
    for i in range(LANES):
        kept = w[n.ONE_LESS_SLACK + i]
        f, tpp = x[n.CHIP_COMPUTE + at + i], x[n.CHIP_TPP + at + i]
        m, c = x[n.CHIP_MEMORY + at + i], x[n.CHIP_INTERCONNECT + at + i]
        cost, launch, on_sale = x[n.CHIP_UNIT_COST + at + i], x[n.CHIP_LAUNCH + at + i], x[n.CHIP_ON_SALE + at + i]
        total, sku = w[n.CAP_BANDWIDTH_SUM + i], w[n.LAST_LAUNCH + i]
        cap = min(w[n.CAP_TPP + i], w[n.CAP_DENSITY + i] * area)
        kappa = 1.0 if tpp < cap else kept * cap / tpp
        m_box = _cut(m, w[n.CAP_MEMORY + i], kept)
        c_box = _cut(c, w[n.CAP_INTERCONNECT + i], kept)
        over = m_box + c_box >= total
        new_m = kept * total - c_box if over & first else m_box
        new_c = kept * total - m_box if over & (not first) else c_box
        d = min(kappa, min(new_m / m, new_c / c))
        old_enough = (d == 1.0) & (launch <= sku)
        ok = (on_sale == 1.0) & (kappa > 0.0) & (new_m > 0.0) & (new_c > 0.0)
        ok = ok & (first | over) & ((sku == np.inf) | old_enough) & ((d == 1.0) | (w[n.CUTS_ARE_READY + i] == 1.0))
        share = w[n.COST_RETAINED + i] + (1.0 - w[n.COST_RETAINED + i]) * d
        # Lanes without a design carry the uncut chip, so that nothing downstream divides by zero.
        w[n.DESIGN_ADMITTED + i] = 1.0 if ok else 0.0
        w[n.DESIGN_COMPUTE + i] = kappa * f if ok else f
        w[n.DESIGN_MEMORY + i] = new_m if ok else m
        w[n.DESIGN_INTERCONNECT + i] = new_c if ok else c
        w[n.DESIGN_TPP + i] = kappa * tpp if ok else tpp
        w[n.DESIGN_IS_CUT + i] = 0.0 if d == 1.0 else 1.0
        w[n.DESIGN_UNIT_COST + i] = cost * share if ok else cost
        count += 1 if ok else 0
    return count


@tile
def forget_best(w):
    """Nothing admitted yet."""
    for i in range(LANES):
        w[n.BEST_ADMITTED_VALUE + i] = 0.0


@tile
def best_admitted(w, v, x, catalogue, exponent, terms):
    """Largest index the loaded levers admit on the catalogue of x, into BEST_ADMITTED_VALUE; 0: none.

    terms 0 ignores quotas and revenue shares (group A buys freely). BEST_ADMITTED_PERFORMANCE has the performances of
    the best.
    """
    forget_best(w)
    for tier in range(2):
        for box in range(MAX_BOXES):
            if box_in_use(v, tier, box):
                sums = load_box(w, v, x, tier, box, terms)
                for chip in range(catalogue.shape[0]):
                    for alternative in range(2):
                        if alternative == 0 or (sums > 0 and sum_test_binds(w, x, chip)):
                            if design(w, x, catalogue[chip].area, chip, alternative) > 0:
                                perform(w, x, exponent)
                                _keep_best(w)


@tile
def _keep_best(w):
    for i in range(LANES):
        value, best = index_lane(w, i, n.DESIGN_PERFORMANCE), w[n.BEST_ADMITTED_VALUE + i]
        better = (w[n.DESIGN_ADMITTED + i] == 1.0) & (value > best)
        w[n.BEST_ADMITTED_VALUE + i] = value if better else best
        for k in range(4):
            at = k * LANES + i
            new, old = w[n.DESIGN_PERFORMANCE + at], w[n.BEST_ADMITTED_PERFORMANCE + at]
            w[n.BEST_ADMITTED_PERFORMANCE + at] = new if better else old
