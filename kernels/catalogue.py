"""The exporter's catalogue at a moment: figures, launch and cost of its entries, and the frontier they follow.

docs/model.md section 3.
"""

from __future__ import annotations

from ._jit import inline


@inline
def moving(p, y):
    f = p.frontier_f * p.frontier_growth_f**y
    m = p.frontier_m * p.frontier_growth_m**y
    return f, m, p.frontier_i * p.frontier_growth_i**y


@inline
def unit_cost(p, cost_class):
    if cost_class == 0:
        return p.unit_cost_frontier
    if cost_class == 1:
        return p.unit_cost_previous
    if cost_class == 2:
        return p.unit_cost_older
    return p.unit_cost_legacy


@inline
def chip_at(p, chip, start, y):
    """Figures of one catalogue entry at y: F, M, I, TPP, launch date, 1 if on sale."""
    if chip.moves == 0.0:
        on_sale = 1.0 if start + y >= chip.launch else 0.0
        return chip.f, chip.m, chip.i, chip.tpp, chip.launch, on_sale
    lag = chip.position * p.generation_spacing
    f, m, i = moving(p, y - lag)
    launch = start + y - lag
    uplift = p.fp4_uplift if launch >= 2025.0 else 1.0
    return f, m, i, 8000.0 * f * uplift, launch, 1.0


@inline
def cost_at(p, chip, y):
    """Unit cost of a catalogue entry at y [kUSD]."""
    return unit_cost(p, chip.cost_class) * chip.cost_scale * p.unit_cost_growth**y * p.cost_shock


@inline
def frontier_at(p, catalogue, start, y):
    """The first entry on sale: F, M, I, TPP, area, unit cost."""
    for k in range(catalogue.shape[0]):
        f, m, i, tpp, _, on_sale = chip_at(p, catalogue[k], start, y)
        if on_sale == 1.0:
            return f, m, i, tpp, catalogue[k].area, cost_at(p, catalogue[k], y)
    f, m, i = moving(p, y)
    return f, m, i, 8000.0 * f, 1.0, p.unit_cost_frontier * p.unit_cost_growth**y * p.cost_shock
