"""The plain-Python twin of the payoff model: ``docs/model.md`` once more, in scalar floats and plain loops.

Written from that page and ``kernels/params.py`` alone, so that an error in the kernels and an error here are not
the same error. Nothing is hoisted, shared or unrolled; every function names the equation it states. Where the
page leaves room, the choice taken carries the comment ``# reading:``.

Vectors over workloads are dicts with the keys ``st``, ``ft``, ``pf``, ``dc``. Chips are in millions, money in
billions of dollars, prices in thousands of dollars a chip.
"""

from . import offers
from .clock import namespace
from .closed_forms import clearing_closed_form, markup_closed_form, nested_share
from .designs import Design, Margin, resolved_cap
from .evaluation import evaluate
from .offers import open_candidate
from .outcomes import lead_years
from .paths import budget_c, chips_on_sale, logistic_demand
from .performance import performances, roofline, roofline_time, value_index, wall, weights
from .prices import (
    Segment,
    attractions,
    chips_bought,
    clearing_price,
    markup_price,
    net_factor,
    shares,
    total_spending,
)
from .restricted import ration, wright_cost
from .state import oscillates

__all__ = [
    "Design",
    "Margin",
    "Segment",
    "attractions",
    "budget_c",
    "chips_bought",
    "chips_on_sale",
    "clearing_closed_form",
    "clearing_price",
    "evaluate",
    "lead_years",
    "logistic_demand",
    "markup_closed_form",
    "markup_price",
    "namespace",
    "nested_share",
    "net_factor",
    "offers",
    "open_candidate",
    "oscillates",
    "performances",
    "ration",
    "resolved_cap",
    "roofline",
    "roofline_time",
    "shares",
    "total_spending",
    "value_index",
    "wall",
    "weights",
    "wright_cost",
]
