"""Chips: the built-in file, finding one by name, files of a user's own that are broken, the exporter's catalogue."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from tiercap.optimizer.data import shipped
from tiercap.optimizer.errors import InputError
from tiercap.optimizer.rules import chips as catalogue
from tiercap.optimizer.rules.chips import Chip, exporter_catalogue, find_chip, launch_period, load_chips

HEADER = ",".join(catalogue.REQUIRED)
ROW = "X1,2025Q1,no,yes,yes,800,4000,3000,900,64"


def write(path: Path, text: str | bytes) -> Path:
    file = path / "mine.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def complaint(path: Path, text: str | bytes) -> str:
    with pytest.raises(InputError) as caught:
        load_chips(write(path, text))
    return str(caught.value)


# --- the built-in chips ---


def test_builtin_chips_are_usable_and_sourced() -> None:
    chips = load_chips()
    assert len(chips) == 48
    for chip in chips:
        bandwidths = chip.memory_gbs is not None and chip.interconnect_gbs is not None
        assert chip.tpp is not None or bandwidths, chip.name
        assert chip.source, chip.name
        assert chip.evidence in catalogue.EVIDENCE, chip.name
        assert set(chip.recalled_columns) <= set(catalogue.COLUMNS), chip.name
        assert (chip.fp8_pflops is None) == (chip.fp8_format == ""), chip.name


def test_every_recalled_figure_is_there() -> None:
    for chip in load_chips():
        for column in chip.recalled_columns:
            assert getattr(chip, column) is not None, (chip.name, column)


@pytest.mark.parametrize("bits", [8, 16])
def test_tpp_follows_from_its_format(bits: int) -> None:
    seen = 0
    for chip in load_chips():
        if chip.tpp is not None and chip.fp8_pflops is not None and chip.tpp_format.endswith(f"x {bits}"):
            seen += 1
            ratio = chip.tpp / (chip.fp8_pflops * 8000)
            if bits == 8:
                assert ratio == pytest.approx(1, abs=1e-3), chip.name
            else:  # 1 where the 8-bit rate is twice the 16-bit one, up to 2 where there is no 8-bit gain
                assert 0.7 < ratio < 2.1, (chip.name, ratio)
    assert seen > 8


def test_an_fp4_uplift_raises_tpp_alone() -> None:
    b300 = find_chip("B300")
    assert b300.tpp == 60_000
    assert b300.fp8_pflops == 4.5


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("H20", "H20"), ("h200", "H200"), ("A100", "A100 80GB"), ("a100 40gb", "A100 40GB"), ("H100", "H100 SXM"),
        ("A800", "A800"), ("H800", "H800"), ("MI300X", "MI300X"), ("MI325X", "MI325X"), ("B200", "B200"),
        ("B300", "B300"), ("L20", "L20"), ("L2", "L2"), ("910C", "Ascend 910C"),
        ("RTX PRO 6000", "RTX PRO 6000 Blackwell"),
        ("  rtx   4090d ", "RTX 4090D"), ("rubin r", "Rubin R200"),
    ],
)  # fmt: skip
def test_find_chip(asked: str, name: str) -> None:
    assert find_chip(asked).name == name


def test_find_chip_suggests_and_lists() -> None:
    with pytest.raises(InputError, match=r"unknown chip `H22`: did you mean `H20`\?"):
        find_chip("H22")
    with pytest.raises(InputError, match="may mean several: `A100 40GB`, `A100 80GB`"):
        find_chip("A10")
    with pytest.raises(InputError, match="unknown chip ``"):
        find_chip("")


def test_launch_periods() -> None:
    assert launch_period("2024Q2") == (2024.25, 2024.5)
    assert launch_period("2026H2") == (2026.5, 2027)
    assert launch_period("2023") == (2023, 2024)
    for wrong in ("2024Q5", "24Q1", "2024-02", "２０２４", ""):
        with pytest.raises(InputError, match="not a launch date"):
            launch_period(wrong)


def test_io_is_the_host_link_where_there_is_no_other() -> None:
    assert find_chip("L20").io_gbs == 64
    assert find_chip("H20").io_gbs == 900
    assert find_chip("MI308X").io_gbs is None


def test_exporter_catalogue() -> None:
    rows = exporter_catalogue()
    assert rows["moves"].tolist() == [1, 1, 1, 0]
    assert rows["position"].tolist() == [0, 1, 2, 0]
    assert rows["area"].tolist() == [1600, 814, 826, 814]
    assert rows["cost_class"].tolist() == [0, 1, 2, 3]
    assert rows["cost_scale"].tolist() == [1] * 4
    h200 = rows[3]
    assert (h200["f"], h200["m"], h200["i"], h200["tpp"], h200["launch"]) == (1.979, 4.8, 0.9, 15832, 2024.25)


# --- files of one's own ---


def test_own_file_with_mark_crlf_and_shuffled_columns(tmp_path: Path) -> None:
    names, cells = HEADER.split(","), ROW.split(",")
    text = "\ufeff" + ",".join(names[::-1]) + "\r\n\r\n" + ",".join(cells[::-1]) + "\r\n"
    (chip,) = load_chips(write(tmp_path, text))
    assert chip == Chip(
        "X1", launch="2025Q1", special_edition=False, us_sale=True, datacentre=True, die_area_mm2=800.0,
        tpp=4000.0, memory_gbs=3000.0, interconnect_gbs=900.0, host_link_gbs=64.0,
    )  # fmt: skip
    assert chip.density == 5.0


def test_empty_cells_stay_unknown(tmp_path: Path) -> None:
    (chip,) = load_chips(write(tmp_path, f"{HEADER}\nX1,,,,,,,,,\n"))
    assert (chip.tpp, chip.us_sale, chip.datacentre, chip.launched, chip.density) == (None,) * 5


def test_the_builtin_file_reads_back_from_anywhere(tmp_path: Path) -> None:
    path = shipped("chips.csv")
    assert load_chips(write(tmp_path, path.read_bytes())) == load_chips()


@pytest.mark.parametrize("column", catalogue.REQUIRED)
def test_missing_column(tmp_path: Path, column: str) -> None:
    names = HEADER.split(",")
    keep = [k for k, name in enumerate(names) if name != column]
    text = "\n".join(",".join(line.split(",")[k] for k in keep) for line in (HEADER, ROW))
    assert f"mine.csv:1: missing column `{column}`" in complaint(tmp_path, text)


@pytest.mark.parametrize(
    ("column", "cell", "said"),
    [
        ("tpp", "nan", "only finite numbers"), ("tpp", "inf", "only finite"), ("tpp", "-5", "between 0 and"),
        ("tpp", "0", "leave the cell empty"), ("tpp", '"21,000"', "no thousands separator"),
        ("memory_gbs", "fast", "is not a number"), ("memory_gbs", "1e12", "check the sign and the unit"),
        ("interconnect_gbs", "1e999", "too large"), ("die_area_mm2", "٨١٤", "plain digits"),
        ("launch", "Q1 2025", "not a launch date"), ("us_sale", "maybe", "must be yes, no or unknown"),
        ("datacentre", "1", "must be yes, no or unknown"), ("name", "", "needs a name"),
        ("name", "x" * 90, "needs a name"), ("name", "a\u202eb", "needs a name"),
    ],
)  # fmt: skip
def test_wrong_cell(tmp_path: Path, column: str, cell: str, said: str) -> None:
    cells = dict(zip(HEADER.split(","), ROW.split(","), strict=True)) | {column: cell}
    message = complaint(tmp_path, f"{HEADER}\n{','.join(cells.values())}\n")
    assert f"mine.csv:2: column `{column}`: " in message
    assert said in message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds no rows"), (HEADER, "holds no rows"), (f"{HEADER}\n{ROW}\n{ROW}", "mine.csv:3: column `name`"),
        (f"{HEADER}\n{ROW}\nx1{ROW[2:]}", "stands on line 2 already"), (f"{HEADER},tpp\n{ROW},1", "stands twice"),
        (f"{HEADER},memory_gb\n{ROW},1", "did you mean `memory_gbs`?"), (f"{HEADER}\n{ROW},9", "11 cells under 10"),
        (f"{HEADER}\nX1", "1 cells under 10"), (f'{HEADER}\n"X1', "not valid CSV"),
        (f"{HEADER}\n{ROW}".encode("utf-16"), "NUL byte"), (f"{HEADER}\n{ROW}\0".encode(), "mine.csv:2: holds a NUL"),
        (f"{HEADER}\nCaf\xe9{ROW[2:]}".encode("latin-1"), "mine.csv:2: byte 0xe9 is not UTF-8"),
        (b"x" * ((1 << 20) + 1), "larger than 1 MiB"), (f"{HEADER}\n" + "y" * 200_000, "not valid CSV"),
        (HEADER + ",price_low_usd,price_high_usd\n" + ROW + ",9,8", "is above price_high_usd"),
        (HEADER + ",evidence\n" + ROW + ",offical", "did you mean `official`?"),
    ],
)  # fmt: skip
def test_broken_file(tmp_path: Path, text: str | bytes, said: str) -> None:
    assert said in complaint(tmp_path, text)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        load_chips(tmp_path / "absent.csv")
    with pytest.raises(InputError, match="directory"):
        load_chips(tmp_path)


def test_the_data_file_has_one_row_a_line_and_no_stray_spaces() -> None:
    path = shipped("chips.csv")
    rows = list(csv.reader(path.read_text(encoding="utf-8").splitlines()))
    assert rows[0] == list(catalogue.COLUMNS)
    for row in rows:
        assert len(row) == len(rows[0])
        assert all(cell == cell.strip() for cell in row)
