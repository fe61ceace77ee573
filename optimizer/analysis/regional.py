"""How far an input moves the whole distribution of an outcome, and which inputs mark its tails.

PAWN (F. Pianosi and T. Wagener, "A simple and efficient method for global sensitivity analysis based on cumulative
distribution functions", Environmental Modelling & Software 67, 2015; from given samples: the same, 107, 2018) cuts an
input into slices and takes the distance between the outcome's distribution in a slice and that of all points: the
median over the slices of the largest difference of the two distribution functions. 0 is no influence, 1 the most there
can be. It is SALib's. What pure noise scores on the same points is told beside it, from inputs made up for that.

Regional sensitivity (R. C. Spear and G. M. Hornberger, "Eutrophication in Peel Inlet II", Water Research 14, 1980)
splits the points by their outcome and compares how an input is distributed in the two parts: the two-sample
Kolmogorov-Smirnov distance.

Neither asks the inputs to be independent; with dependent inputs each is credited with what goes along with it.
"""

from __future__ import annotations

import math
import warnings
from typing import Any, NamedTuple

import numpy as np

from tiercap.optimizer.errors import InputError
from tiercap.optimizer.io.arrays import Floats

#: Slices an input is cut into.
SLICES = 10
#: Made-up inputs whose largest score is what noise can do.
DUMMIES = 5
#: Points that a tail has at least.
FEWEST = 10
#: Chance, over all inputs of one tail together, of a distance beyond the critical one where there is no difference.
LEVEL = 0.05


def check_salib() -> None:
    """Refuse early where SALib is not installed."""
    _pawn()


def _pawn() -> Any:
    try:
        from SALib.analyze import pawn
    except ImportError:
        raise InputError("sensitivity needs SALib: install tiercap with the extra [sensitivity]") from None
    return pawn


def pawn(x: Floats, y: Floats, seed: int) -> tuple[Floats, float]:
    """PAWN of every input, float64[d], and the score that noise reaches.

    x : float64[n, d]; y : float64[n]; seed : of the made-up inputs
    """
    noise = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, 6]))).random((len(y), DUMMIES))
    columns = np.concatenate([x, noise], axis=1)
    names = [f"x{k}" for k in range(columns.shape[1])]
    described = {"num_vars": len(names), "names": names, "bounds": [[0.0, 1.0]] * len(names)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an input of few values leaves slices empty
        scores = np.asarray(_pawn().analyze(described, columns, y, S=SLICES)["median"], dtype=np.float64)
    return scores[: x.shape[1]], float(scores[x.shape[1] :].max())


class Tail(NamedTuple):
    """One end of an outcome's distribution, and how it differs from the rest, input by input.

    end : lowest or highest; threshold : the outcome at its edge; points : how many lie in it
    distance, p_value : float64[d], Kolmogorov-Smirnov; critical : the distance that chance keeps below
    inside, outside : float64[d], medians of the inputs in the tail and in the rest
    """

    end: str
    threshold: float
    points: int
    distance: Floats
    p_value: Floats
    critical: float
    inside: Floats
    outside: Floats


def tails(x: Floats, y: Floats, share: float) -> list[Tail]:
    """The lowest and the highest ``share`` of the points by outcome; one with too few points, or all, is left out.

    x : float64[n, d]; y : float64[n]. Points that tie with the edge belong to the tail.
    """
    from scipy.stats import ks_2samp

    found = []
    for end, threshold in (("lowest", np.quantile(y, share)), ("highest", np.quantile(y, 1.0 - share))):
        rows = y <= threshold if end == "lowest" else y >= threshold
        count, rest = int(rows.sum()), int((~rows).sum())
        if min(count, rest) < FEWEST:
            continue
        tested = [ks_2samp(column[rows], column[~rows], method="asymp") for column in x.T]
        critical = math.sqrt(-0.5 * math.log(LEVEL / x.shape[1] / 2.0) * (count + rest) / (count * rest))
        found.append(
            Tail(
                end,
                float(threshold),
                count,
                np.array([float(test.statistic) for test in tested]),
                np.array([float(test.pvalue) for test in tested]),
                critical,
                np.median(x[rows], axis=0),
                np.median(x[~rows], axis=0),
            )
        )
    return found
