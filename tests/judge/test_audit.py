"""The audit of the papers against themselves: known verdicts, arithmetic, refused input."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import get_args

import pytest

from repro.compose.paper_files import all_audited, all_reported
from repro.core.errors import ReproError
from repro.judge.audit import AUDIT_COLUMNS, AuditWord, audit, read_audit, render_audit
from repro.judge.audit_expression import Expression
from repro.judge.reported import Place, Printed, read_reported
from repro.plan.config import load_config

CONFIG = Path(__file__).parents[2] / "config"
PAPERS = {"robgan", "advgan", "rgan", "gat", "dat"}

KNOWN = {
    "robgan.before": ("29.6 %", "23.58 %", "not in the table"),
    "robgan.after": ("36.4 %", "30.25 %", "not in the table"),
    "robgan.imagenet_clean_baseline": ("20.05 %", "26.05 %", "inconsistent"),
    "robgan.speed_up": ("3 to 7 x", "", "not in the table"),
    "advgan.gain_cifar10_0": ("-0.35 points", "-0.35 points", "consistent"),
    "advgan.gain_cifar10_02": ("1.26 points", "1.26 points", "consistent"),
    "advgan.gain_cifar10_04": ("3.69 points", "3.69 points", "consistent"),
    "advgan.gain_cifar10_08": ("6.67 points", "6.67 points", "consistent"),
    "advgan.gain_imagenet_0": ("6.35 points", "12.35 points", "inconsistent"),
    "advgan.gain_imagenet_01": ("6.90 points", "6.90 points", "consistent"),
    "advgan.gain_imagenet_02": ("6.58 points", "6.58 points", "consistent"),
    "advgan.gain_imagenet_03": ("5.38 points", "5.38 points", "consistent"),
    "rgan.best_is_cifar10": ("8.25", "8.25", "consistent"),
    "rgan.best_is_cifar10_all_tables": ("8.25", "8.40", "inconsistent"),
    "rgan.dcgan_twice": ("5.77", "5.70", "inconsistent"),
    "rgan.real_data_fid": ("26.08", "7.80", "inconsistent"),
    "rgan.five_baselines": ("5 baselines", "4 baselines", "inconsistent"),
    "rgan.wgan_gp_res_std": ("0.13", "", "not in the table"),
    "rgan.noise_improves": ("0", "2", "inconsistent"),
    "rgan.discriminator_gains_more": ("0", "1", "inconsistent"),
    "rgan.joint_improves_further": ("0", "0", "consistent"),
    "gat.gain_gat_cifar10": ("4 to 6 points", "2.85 points", "inconsistent"),
    "gat.gain_gat_cifar100": ("4 to 6 points", "6.12 points", "consistent"),
    "gat.gain_random_cifar10": ("1 to 2 points", "0.11 points", "inconsistent"),
    "gat.images_per_class_cifar10": ("6000 images", "6000 images", "consistent"),
    "gat.images_per_class_cifar100": ("6000 images", "600 images", "inconsistent"),
    "dat.sngan_cifar10": ("9.2 %", "9.215 %", "consistent"),
    "dat.sngan_cifar100": ("11.0 %", "11.013 %", "consistent"),
    "dat.sngan_stl10": ("3.7 %", "3.684 %", "consistent"),
    "dat.sngan_tinyimagenet": ("7.9 %", "7.934 %", "consistent"),
    "dat.sngan_lsunbedroom": ("11.6 %", "11.592 %", "consistent"),
    "dat.ssgan_lsunbedroom": ("13.2 %", "13.212 %", "consistent"),
    "dat.consistent_sngan_kid": ("0", "1", "inconsistent"),
    "dat.consistent_infomaxgan_kid": ("0", "1", "inconsistent"),
    "dat.train_test_gap_lsunbedroom": ("4.4 to 5.2", "58.84", "inconsistent"),
}


@pytest.fixture(scope="module")
def reported():
    return all_reported(load_config(CONFIG))


@pytest.fixture(scope="module")
def rows(reported):
    return {row.id: row for row in audit(reported, all_audited(load_config(CONFIG)))}


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_known_verdicts_of_the_papers(rows, name: str) -> None:
    row = rows[name]
    assert (row.stated, row.recomputed, row.verdict) == KNOWN[name]


def test_every_paper_is_audited_and_every_entry_says_where_it_stands(rows) -> None:
    assert {row.paper for row in rows.values()} == PAPERS
    assert {row.verdict for row in rows.values()} == set(get_args(AuditWord))
    for row in rows.values():
        assert row.source, row.id
        assert row.statement, row.id
        assert row.id.startswith(f"{row.paper}.")


def test_csv_has_a_line_per_entry(rows) -> None:
    lines = render_audit(list(rows.values())).splitlines()
    assert lines[0] == ",".join(AUDIT_COLUMNS) == "paper,id,statement,stated,recomputed,verdict,source"
    assert len(lines) == len(rows) + 1


def test_a_changed_number_changes_the_verdict(reported) -> None:
    entries = [entry for entry in all_audited(load_config(CONFIG)) if entry.id == "dat.sngan_cifar10"]
    changed = dict(reported)
    changed[Place("dat", "table2", "SNGAN-DAT", "CIFAR-10", "fid_train")] = Printed(Decimal("17.90"), None)
    assert audit(reported, entries)[0].verdict == "consistent"
    assert audit(changed, entries)[0].verdict == "inconsistent"


TABLE = {
    Place("p", "t", "base", "a", "is"): Printed(Decimal("8.00"), Decimal("0.1")),
    Place("p", "t", "base", "b", "is"): Printed(Decimal("6.0"), None),
    Place("p", "t", "ours", "a", "is"): Printed(Decimal("9"), None),
    Place("p", "t", "ours", "b", "is"): Printed(Decimal("6.0"), None),
}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        (3, "3"),
        (0.1, "0.1"),
        ({"cell": ["p/t", "base", "a", "is"]}, "8.00"),
        ({"std": ["p/t", "base", "a", "is"]}, "0.1"),
        ({"std": ["p/t", "base", "b", "is"]}, None),
        ({"difference": [1, {"std": ["p/t", "base", "b", "is"]}]}, None),
        ({"difference": [{"cell": ["p/t", "ours", "a", "is"]}, {"cell": ["p/t", "base", "a", "is"]}]}, "1"),
        ({"percent_less": [8, 6]}, "25"),
        ({"quotient": [60000, 100]}, "600"),
        ({"sum": [0.15, 0.05, 0.8]}, "1"),
        ({"product": [400, {"sum": [250, 250]}]}, "200000"),
        ({"least": {"artefacts": ["p/t"]}}, "6"),
        ({"most": {"artefacts": ["p/t"], "without_rows": ["ours"]}}, "8"),
        ({"mean": {"artefacts": ["p/t"], "rows": ["base"]}}, "7"),
        ({"columns_of": {"artefacts": ["p/t"]}}, "2"),
        ({"nearest": {"to": 8.6, "cells": {"artefacts": ["p/t"], "columns": ["a"]}}}, "9"),
        (
            {
                "exceptions": {
                    "left": {"artefacts": ["p/t"], "rows": ["ours"]},
                    "relation": "greater",
                    "right": {"artefacts": ["p/t"], "rows": ["base"]},
                }
            },
            "1",
        ),
        (
            {
                "exceptions": {
                    "left": {"artefacts": ["p/t"], "rows": ["ours"]},
                    "relation": "equal",
                    "right": {"artefacts": ["p/t"], "rows": ["base", "ours"]},
                }
            },
            "1",
        ),
    ],
)
def test_operations(expression, value: str | None) -> None:
    result = Expression.model_validate(expression).value(TABLE)
    assert result == (None if value is None else Decimal(value))


@pytest.mark.parametrize(
    ("stated", "compute", "decimals", "verdict"),
    [
        ("9.2", "9.25", 1, "consistent"),
        ("9.2", "9.15", 1, "consistent"),
        ("9.2", "9.2501", 1, "inconsistent"),
        ("[4, 6]", "3.5", 0, "consistent"),
        ("[4, 6]", "6.51", 0, "inconsistent"),
        ("[4, 6]", "null", 0, "not in the table"),
    ],
)
def test_rounding_rule(tmp_path: Path, stated: str, compute: str, decimals: int, verdict: str) -> None:
    path = tmp_path / "audit.yaml"
    path.write_text(
        f"- id: p.x\n  statement: s\n  source: t\n  stated: {stated}\n"
        f"  compute: {compute}\n  decimals: {decimals}\n"
    )
    assert audit(TABLE, read_audit(path, "p"))[0].verdict == verdict


ENTRY = "- id: p.x\n  statement: s\n  source: t\n  stated: 1\n  decimals: 0\n"


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (ENTRY + "  compute: {difference: [1]}\n", 6, "compute.difference"),
        (ENTRY + "  compute: {plus: [1, 2]}\n", 6, "plus"),
        (ENTRY + "  compute: {least: {artefacts: [t]}}\n", 6, "paper/name"),
        (ENTRY + "  compute: {sum: [1], product: [2]}\n", 6, "exactly one operation"),
        (ENTRY + "  compute: {cell: }\n", 6, "exactly one operation"),
        (ENTRY, 1, "compute"),
        (ENTRY + "  compute: 1\n" + ENTRY + "  compute: 1\n", 7, "p.x"),
        (ENTRY.replace("p.x", "q.x") + "  compute: 1\n", 1, "not of this file's paper"),
        (ENTRY.replace("stated: 1", "stated: [2, 1]") + "  compute: 1\n", 1, "lower end"),
        ("x: 1\n", 1, "list"),
    ],
)
def test_refuses_wrong_entries_with_the_line(tmp_path: Path, text: str, line: int, words: str) -> None:
    path = tmp_path / "audit.yaml"
    path.write_text(text)
    with pytest.raises(ReproError) as caught:
        read_audit(path, "p")
    assert caught.value.line == line
    assert words in caught.value.message


@pytest.mark.parametrize(
    "compute",
    [
        "{cell: [p/t, base, c, is]}",
        "{cell: [p/u, base, a, is]}",
        "{least: {artefacts: [p/t], rows: [based]}}",
        "{most: {artefacts: [p/t], metrics: [is], without_rows: [base, ours]}}",
        "{quotient: [1, 0]}",
        "{percent_less: [0, 1]}",
    ],
)
def test_refuses_what_no_table_prints(tmp_path: Path, compute: str) -> None:
    path = tmp_path / "audit.yaml"
    path.write_text(f"{ENTRY}  compute: 1\n{ENTRY.replace('p.x', 'p.y')}  compute: {compute}\n")
    with pytest.raises(ReproError, match=r"p\.y") as caught:
        audit(TABLE, read_audit(path, "p"))
    assert caught.value.line == 7
    assert caught.value.where == str(path)


HEAD = "paper,artefact,row,column,metric,value,std\n"


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("paper,row\n", 1, "columns"),
        ("", 1, "columns"),
        (HEAD + "p,t,r,c,is,1\n", 2, "6 fields"),
        (HEAD + "p,t,r,c,is,1,\nq,t,r,c,is,2,\n", 3, "not this file's"),
        (HEAD + "p,t,r,c,is,1,\np,t,r,c,is,2,\n", 3, "twice"),
        (HEAD + "p,t,r,c,is,1%,\n", 2, "no number"),
        (HEAD + "p,t,r,c,is,nan,\n", 2, "no number"),
        (HEAD + "p,t,r,c,is,,\n", 2, "no number"),
        (HEAD + "p,t,r,c,is,1,-1\n", 2, "negative"),
    ],
)
def test_refuses_wrong_reported_numbers(tmp_path: Path, text: str, line: int, words: str) -> None:
    path = tmp_path / "reported.csv"
    path.write_text(text)
    with pytest.raises(ReproError) as caught:
        read_reported(path, "p")
    assert caught.value.line == line
    assert words in caught.value.message


def test_missing_files(tmp_path: Path) -> None:
    with pytest.raises(ReproError, match="missing"):
        read_reported(tmp_path / "reported.csv", "p")
    with pytest.raises(ReproError, match="missing"):
        read_audit(tmp_path / "audit.yaml", "p")
