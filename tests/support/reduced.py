"""A problem small enough to be fitted hundreds of times: three parameters of the contract, five rows, one formula
each."""

from __future__ import annotations

import numpy as np

from tiercap.optimizer.calibration.likelihood import Floats, Likelihood, observation
from tiercap.optimizer.model import parameters

#: What is unknown; every other parameter of the contract stands still.
UNKNOWN = ("budget_c", "attraction_e", "price_sensitivity")
YEARS = (0, 1, 2)


class Reduced:
    """A market shared by a logit, over three years: spending in each, the share in one, a price."""

    parameters = tuple(
        info if info.name in UNKNOWN else parameters.with_value(info, info.value) for info in parameters.table()
    )

    def predict(self, table: np.ndarray) -> Floats:
        share = table["attraction_e"] / (table["attraction_e"] + 1.0)
        spent = [table["budget_c"] * share * 1.3**year for year in YEARS]
        markup = 1.0 + 1.0 / (table["price_sensitivity"] * (1.0 - share))
        return np.stack([*spent, share, markup], axis=1)


def rows(values: Floats) -> Likelihood:
    """Observations of the reduced model's rows, with ranges of their own."""
    spending = [observation(f"spending-{y}", values[y], values[y] / 1.3, values[y] * 1.3, "log") for y in YEARS]
    share, markup = np.clip(values[3], 0.02, 0.98), values[4]
    odds = share / (1.0 - share)
    ends = [odds / 1.4 / (1.0 + odds / 1.4), odds * 1.4 / (1.0 + odds * 1.4)]
    return Likelihood(
        (*spending, observation("share", float(share), *ends, "logit"),
         observation("markup", markup, markup / 1.2, markup * 1.2, "log"))
    )  # fmt: skip
