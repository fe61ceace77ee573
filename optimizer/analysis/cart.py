"""CART: a tree that splits cases at one input at a time, and its leaves as boxes.

L. Breiman, J. Friedman, R. Olshen and C. Stone, "Classification and Regression Trees" (1984); the tree is
scikit-learn's. Where PRIM finds one dense box after the other, a tree divides all cases at once, so its boxes do not
overlap.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tiercap.optimizer.analysis.prim import MASS, Box, Cases, boxed
from tiercap.optimizer.errors import InputError


def check_scikit_learn() -> None:
    """Refuse early where scikit-learn is not installed."""
    _classifier()


def _classifier() -> Any:
    try:
        from sklearn.tree import DecisionTreeClassifier
    except ImportError:
        raise InputError("CART needs scikit-learn: install tiercap with the extra [sensitivity]") from None
    return DecisionTreeClassifier


def leaves(cases: Cases, depth: int | None = None, mass: float = MASS, seed: int = 0) -> list[Box]:
    """The leaves of the tree as boxes, from left to right.

    depth : splits on the way to a leaf at most, as many as help if None; mass : least share of the cases in a leaf
    seed : decides between splits that are equally good
    """
    if cases.interest.all() or not cases.interest.any():
        raise InputError("a tree can be grown only where some cases, and not all, are of interest")
    equal = bool((cases.mass == 1.0).all())
    least = {"min_samples_leaf": max(1, int(mass * len(cases.x)))} if equal else {"min_weight_fraction_leaf": mass}
    tree = _classifier()(max_depth=depth, random_state=seed % 2**32, **least)
    tree.fit(cases.x, cases.interest, sample_weight=None if equal else cases.mass)
    grown, found = tree.tree_, []
    low, high = cases.ends
    waiting = [(0, low, high)]
    while waiting:
        node, low, high = waiting.pop()
        if grown.children_left[node] == -1:
            found.append(boxed(cases, low, high))
            continue
        k, at = int(grown.feature[node]), float(grown.threshold[node])
        below, above = high.copy(), low.copy()
        below[k], above[k] = at, np.nextafter(at, np.inf)  # a case at the threshold goes left
        waiting.append((int(grown.children_right[node]), above, high))
        waiting.append((int(grown.children_left[node]), low, below))
    return found
