"""What a law says: chips, rules, levers, and which chips a policy admits."""

from tiercap.optimizer.faces import opened

#: What other rooms may import; import-linter holds them to it.
__all__ = [
    "admission", "book", "chips", "classify", "clauses", "cliffs", "distance", "encode", "levers", "nesting",
    "policy_forms", "policy_text", "space",
]
__getattr__ = opened(__name__, __all__)
