"""A row of a record that is right, and rows as a file has them."""

from __future__ import annotations

import csv
import io

from tiercap.optimizer.calibration.record import COLUMNS

GOOD = {
    "moment": "some-units", "period": "2024", "kind": "observation", "outcome": "sum(exporter_units)", "group": "c",
    "value": "958", "low": "737", "high": "1250", "unit": "kchip", "definition": "units", "error": "lognormal",
    "source": "a source", "evidence": "official", "note": "",
}  # fmt: skip


def as_csv(*rows: dict[str, str]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([row[column] for column in COLUMNS] for row in rows)
    return text.getvalue().encode()
