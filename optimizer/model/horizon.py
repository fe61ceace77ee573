"""How long the world is looked at, and how finely."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Horizon:
    """When the run starts, how long it is, how finely it is cut, and the roofline's exponent."""

    years: int = 8
    steps_per_year: int = 1
    start: int = 2026
    roofline_exponent: int = 4

    @property
    def steps(self) -> int:
        """Steps of the whole run."""
        return self.years * self.steps_per_year
