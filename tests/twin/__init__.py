"""The plain-Python twin of the payoff model: ``docs/model.md`` once more, in scalar floats and plain loops.

Written from that page and ``kernels/params.py`` alone, so that an error in the kernels and an error here are not
the same error. Nothing is hoisted, shared or unrolled; every function names the equation it states. Where the
page leaves room, the choice taken carries the comment ``# reading:``.

Vectors over workloads are dicts with the keys ``st``, ``ft``, ``pf``, ``dc``. Chips are in millions, money in
billions of dollars, prices in thousands of dollars a chip.
"""

from . import offers
from .clock import Adjusting, decay, discounted_years, namespace
from .closed_forms import markup_closed_form
from .designs import Design, Margin, resolved_cap
from .domestic import gross_dies, memory_binds, package_cost, smooth_minimum, wafer_yield
from .evaluation import evaluate
from .government import choice_matrix, taken_up
from .market import looked_at, rationed
from .offers import open_candidate
from .outcomes import fill_substitution
from .paths import allied_prices, budget_b, budget_c, chips_on_sale, logistic_path, spending_a
from .performance import performances, roofline, roofline_time, value_index, wall, weights
from .prices import (
    Segment,
    Seller,
    attractions,
    chips_bought,
    markup_price,
    net_factor,
    shares,
    total_spending,
)

__all__ = [
    "Adjusting",
    "Design",
    "Margin",
    "Segment",
    "Seller",
    "allied_prices",
    "attractions",
    "budget_b",
    "budget_c",
    "chips_bought",
    "chips_on_sale",
    "choice_matrix",
    "decay",
    "discounted_years",
    "evaluate",
    "fill_substitution",
    "gross_dies",
    "logistic_path",
    "looked_at",
    "markup_closed_form",
    "markup_price",
    "memory_binds",
    "namespace",
    "net_factor",
    "offers",
    "open_candidate",
    "package_cost",
    "performances",
    "rationed",
    "resolved_cap",
    "roofline",
    "roofline_time",
    "shares",
    "smooth_minimum",
    "spending_a",
    "taken_up",
    "total_spending",
    "value_index",
    "wafer_yield",
    "wall",
    "weights",
]
