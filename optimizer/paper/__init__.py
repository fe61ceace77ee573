"""From a finished run to what a paper prints: figures, tables, numbers, words, a replication package."""

from tiercap.optimizer.faces import opened

#: What other rooms may import; import-linter holds them to it.
__all__ = ["folder", "material"]
__getattr__ = opened(__name__, __all__)
