"""Whether a study that was read can be computed."""

from __future__ import annotations

from tiercap.kernels.params import GROUPS
from tiercap.optimizer.model import ensembles
from tiercap.optimizer.rules.book import find_rule
from tiercap.optimizer.rules.encode import apply_levers, mixed_levers, rule_levers
from tiercap.optimizer.rules.space import LeverSpace
from tiercap.optimizer.study.records import Study


def check_sound(read: Study) -> None:
    """Refuse levers that could loosen a tier of the policy they start from, and futures that cannot be read."""
    a, b, c = (find_rule(read.policy[group]) for group in GROUPS)
    rule_levers(find_rule(read.baseline))
    LeverSpace(read.levers, apply_levers(mixed_levers(a, b, c), read.held))
    plan = read.scenarios
    if plan.kind == "calibrated":
        members = ensembles.load(plan.file or ensembles.built_in(read.horizon.start))
        if plan.structure:
            members.only(plan.structure)
