"""Named distributions against SciPy's, and what a range may be."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from tiercap.optimizer.errors import InputError
from tiercap.optimizer.model import distributions, parameters
from tiercap.optimizer.model.distributions import CUT, Distribution

#: From one end to the other, and near both.
U = np.concatenate([np.linspace(0.001, 0.999, 999), [1e-12, 1e-6, 1.0 - 1e-6, 1.0 - 1e-12]])


def scipys(drawn: Distribution) -> np.ndarray:
    """Quantiles at U by SciPy's distribution of the same law."""
    a = dict(drawn.arguments)
    if drawn.name == "uniform":
        return np.asarray(stats.uniform(a["low"], a["high"] - a["low"]).ppf(U))
    if drawn.name == "loguniform":
        return np.asarray(stats.loguniform(a["low"], a["high"]).ppf(U))
    if drawn.name == "triangular":
        width = a["high"] - a["low"]
        return np.asarray(stats.triang((a["mode"] - a["low"]) / width, a["low"], width).ppf(U))
    return np.asarray(a["median"] * np.exp(a["sigma"] * stats.truncnorm(-CUT, CUT).ppf(U)))


@pytest.mark.parametrize(("name", "arguments"), [
    ("uniform", {"low": -3.0, "high": 5.0}),
    ("loguniform", {"low": 1e-3, "high": 1e4}),
    ("triangular", {"low": -1.0, "mode": 0.2, "high": 4.0}),
    ("triangular", {"low": 0.0, "mode": 0.0, "high": 1.0}),
    ("triangular", {"low": 0.0, "mode": 1.0, "high": 1.0}),
    ("lognormal", {"median": 60.0, "sigma": 0.1}),
    ("lognormal", {"median": 1e-3, "sigma": 2.0}),
])  # fmt: skip
def test_quantiles_are_scipys(name: str, arguments: dict[str, float]) -> None:
    drawn = distributions.make(name, arguments)
    found = drawn.quantile(U)
    assert found == pytest.approx(scipys(drawn), rel=1e-9, abs=1e-12)
    assert ((drawn.low <= found) & (found <= drawn.high)).all()


def test_the_range_of_every_built_in_parameter_is_scipys() -> None:
    uncertain = [info for info in parameters.table() if info.distribution is not None]
    assert len(uncertain) > 50
    for info in uncertain:
        assert info.distribution is not None
        assert info.distribution.quantile(U) == pytest.approx(scipys(info.distribution), rel=1e-8), info.name


def test_what_is_no_distribution_is_refused_in_a_sentence() -> None:
    wrong = {
        "unknown distribution": ("normal", {}),
        "has no argument `mean`": ("uniform", {"mean": 1.0}),
        "high is missing": ("uniform", {"low": 1.0}),
        "must be finite": ("uniform", {"low": 1.0, "high": float("inf")}),
        "swap them": ("uniform", {"low": 2.0, "high": 1.0}),
        "low > 0": ("loguniform", {"low": 0.0, "high": 1.0}),
        "mode must lie": ("triangular", {"low": 0.0, "mode": 2.0, "high": 1.0}),
        "median > 0": ("lognormal", {"median": 0.0, "sigma": 1.0}),
    }
    for text, (name, arguments) in wrong.items():
        with pytest.raises(InputError, match=text):
            distributions.make(name, arguments)
