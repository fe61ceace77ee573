"""How things are written and read: units, text formats, files that are whole or not there."""

from tiercap.optimizer.faces import opened

#: What other rooms may import; import-linter holds them to it.
__all__ = [
    "arrays", "columns", "csv_text", "durable", "frames", "json_text", "lock", "machine", "periods",
    "stopwatch", "toml_text", "units",
]
__getattr__ = opened(__name__, __all__)
