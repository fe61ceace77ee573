"""Special cases in closed form, against which tests hold the solvers of the twin."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence


def nested_share(
    attraction_by_option: Mapping[str, float], nests: Sequence[Sequence[str]], scale: float
) -> dict[str, float]:
    """Nested logit: attraction of a nest = (sum a^(1/scale))^scale, shares within it go by a^(1/scale)."""
    nest_total = []
    inside: dict[str, float] = {}
    for nest in nests:
        largest = max(attraction_by_option[j] for j in nest)
        if largest <= 0.0:
            nest_total.append(0.0)
            inside.update(dict.fromkeys(nest, 0.0))
            continue
        powers = {j: (attraction_by_option[j] / largest) ** (1.0 / scale) for j in nest}
        total = sum(powers.values())
        nest_total.append(largest * total**scale)
        inside.update({j: powers[j] / total for j in nest})
    everything = sum(nest_total)
    return {j: inside[j] * total / everything for nest, total in zip(nests, nest_total, strict=True) for j in nest}


def markup_closed_form(X: float) -> float:
    """p*/c of equation (7) for one workload and beta = 1: 1 + sqrt(1 + X)."""
    return 1.0 + math.sqrt(1.0 + X)


def clearing_closed_form(A: float, R: float, B: float, Q: float) -> float:
    """The price per unit of work that clears Q of it, equation (8), for one workload and beta = 1."""
    return (-A + math.sqrt(A * A + 4.0 * R * B * A / Q)) / (2.0 * R)
