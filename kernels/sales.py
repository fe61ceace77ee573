"""What the exporter books on its offers: the money of docs/model.md section 9."""

from __future__ import annotations

from . import lanes as n
from ._jit import inline, tile
from .lanes import LANES


@tile
def book(w, v, o, l):
    """Sales and the government's take of both offers, as annual flows and as lumps at the step's end, and design costs.

    A lump is what is pulled forward. DESIGN_COST is an annual rate.
    """
    for i in range(LANES):
        price_o, price_l = o[n.OFFER_PRICE + i], l[n.OFFER_PRICE + i]
        base, tau = w[n.NET_OF_TARIFF + i], v[n.REVENUE_SHARE + i]
        licensed = price_l * l[n.OFFER_CHIPS + i] * base
        ahead = price_l * l[n.OFFER_AHEAD + i] * base
        w[n.SALES_FLOW + i] = price_o * o[n.OFFER_CHIPS + i] * base + licensed
        w[n.SALES_LUMP + i] = price_o * o[n.OFFER_AHEAD + i] * base + ahead
        w[n.TAKE_FLOW + i] = licensed * tau
        w[n.TAKE_LUMP + i] = ahead * tau
        cut_o = _used(o[n.OFFER_IS_CUT + i], o[n.OFFER_CHIPS + i])
        cut_l = _used(l[n.OFFER_IS_CUT + i], l[n.OFFER_CHIPS + i])
        w[n.DESIGN_COST + i] = w[n.NRE + i] * (cut_o + cut_l)


@inline
def _used(cut, chips):
    return 1.0 if (cut == 1.0) & (chips > 0.0) else 0.0


@inline
def times(chips, figure):
    """chips x figure of an offer; 0 without chips, whatever the figure holds."""
    return chips * figure if chips > 0.0 else 0.0
