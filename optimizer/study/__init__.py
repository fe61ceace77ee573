"""What a person asks: a study, read, checked and made ready to compute."""

from tiercap.optimizer.faces import opened

#: What other rooms may import; import-linter holds them to it.
__all__ = ["engines", "load", "parameter_rows", "problem", "records", "scoring", "sound", "stored", "template"]
__getattr__ = opened(__name__, __all__)
