"""What the exporter books on its offers: the money of docs/model.md section 9, a step's part of it."""

from __future__ import annotations

from . import lanes as n
from ._jit import inline, tile
from .lanes import LANES


@tile
def book(w, v, o, l):
    """Revenue, the government's take and design costs of both offers, at their prices and with what is pulled forward.

    WRITE_DOWNS is read, as `pull_forward` left it.
    """
    for i in range(LANES):
        price_o, price_l = o[n.OFFER_PRICE + i], l[n.OFFER_PRICE + i]
        base = w[n.NET_OF_TARIFF + i]
        sales_l = price_l * l[n.OFFER_CHIPS + i] * base
        take = sales_l * v[n.REVENUE_SHARE + i]
        cut_o = _used(o[n.OFFER_IS_CUT + i], o[n.OFFER_REACH + i])
        cut_l = _used(l[n.OFFER_IS_CUT + i], l[n.OFFER_REACH + i])
        design = w[n.NRE_PER_STEP + i] * (cut_o + cut_l)
        gross = price_o * o[n.OFFER_CHIPS + i] * base + sales_l
        w[n.DESIGN_COST + i] = design
        w[n.GROSS_REVENUE + i] = gross
        w[n.GOVERNMENT_TAKE + i] = take
        w[n.NET_REVENUE + i] = gross - take - design - w[n.WRITE_DOWNS + i]


@inline
def _used(cut, reach):
    return 1.0 if (cut == 1.0) & (reach > 0.0) else 0.0
