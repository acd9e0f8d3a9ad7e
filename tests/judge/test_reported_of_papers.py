"""The printed numbers (each paper's ``reported.csv``): all there, each once, and as the papers print them."""

from __future__ import annotations

import csv
import re
from collections import Counter
from pathlib import Path

import pytest

PAPERS = Path(__file__).parents[2] / "config" / "papers"

PRINTED = {  # how many numbers each table of the texts prints, and two captions
    ("robgan", "table1"): 16,
    ("robgan", "figure8"): 2,
    ("advgan", "figure7"): 2,
    ("advgan", "table1"): 16,
    ("rgan", "table1"): 44,
    ("rgan", "table2"): 11,
    ("rgan", "table3"): 20,
    ("gat", "table1"): 34,
    ("gat", "table2"): 14,
    ("dat", "table1"): 35,
    ("dat", "table2"): 144,
    ("dat", "table3"): 27,
    ("dat", "table4"): 30,
}

Key = tuple[str, str, str, str, str]


@pytest.fixture(scope="module")
def reported() -> dict[Key, tuple[str, str]]:
    lines = []
    for path in PAPERS.glob("*/reported.csv"):
        header, *own = csv.reader(path.read_text(encoding="utf-8").splitlines())
        assert header == ["paper", "artefact", "row", "column", "metric", "value", "std"]
        lines += own
    found = {
        (paper, name, row, column, metric): (value, std)
        for paper, name, row, column, metric, value, std in lines
    }
    assert len(found) == len(lines), "a number is typed in twice"
    return found


def test_each_table_has_as_many_numbers_as_its_paper_prints(reported: dict[Key, tuple[str, str]]) -> None:
    assert Counter(key[:2] for key in reported) == Counter(PRINTED)


def test_printed_values_are_plain_numbers(reported: dict[Key, tuple[str, str]]) -> None:
    for key, (value, std) in reported.items():
        assert re.fullmatch(r"-?\d+(\.\d+)?|2e-4", value), (key, value)
        assert re.fullmatch(r"|\d+\.\d+", std), (key, std)


def test_numbers_that_two_tables_share_are_typed_alike(reported: dict[Key, tuple[str, str]]) -> None:
    for (paper, name, _, column, metric), value in reported.items():
        if (paper, name, metric) == ("advgan", "table1", "accuracy"):
            assert reported["robgan", "table1", "Rob-GAN (w/ FT)", column, metric] == value
    for of_four, of_two in (
        ("SNGAN(Baseline)", "SNGAN"),
        ("SNGAN-DAT (Discriminator only)", "SNGAN-DAT"),
    ):
        for metric in ("is", "fid_train", "fid_test", "kid_train", "kid_test"):
            one = reported["dat", "table4", of_four, "CIFAR-10", metric]
            assert one == reported["dat", "table2", of_two, "CIFAR-10", metric]


def test_discrepancies_of_the_papers_stay_as_printed(reported: dict[Key, tuple[str, str]]) -> None:
    clean = "ImageNet (64px) delta=0"
    assert reported["robgan", "table1", "Adv. training", clean, "accuracy"] == ("20.05", "")
    assert reported["advgan", "table1", "our model", clean, "accuracy_gain"] == ("6.35", "")
    assert reported["rgan", "table1", "DCGAN", "CIFAR-10", "is"] == ("5.77", "0.02")
    assert reported["rgan", "table3", "Baseline (without robust training)", "DCGAN", "is"] == ("5.70", "0.05")
    assert reported["rgan", "table2", "Real data", "CIFAR-10", "fid"] == ("26.08", "0.26")
