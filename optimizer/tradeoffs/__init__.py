"""One policy chosen from a front, with reasons, and policies against each other."""

from tiercap.optimizer.faces import opened

#: What other rooms may import; import-linter holds them to it.
__all__ = ["compare", "loophole", "pick", "rounding", "tables"]
__getattr__ = opened(__name__, __all__)
