"""What `--config` may say, through Snakemake's own parser: text as typed, or an error with a remedy."""

from __future__ import annotations

from pathlib import Path

import pytest
from snakemake.cli import parse_config

from papers_case import SETTINGS, write_config
from repro.core.errors import ReproError
from repro.plan.config import load_config
from repro.plan.overrides import read_overrides, results_folder


def typed(*words: str) -> dict[str, str]:
    return read_overrides(parse_config(words), ["snakemake", "figures/", "--config", *words])


@pytest.mark.parametrize(
    "text", ["my results", "20261125", "1.5", "True", "a$(touch b)", "~/x", "-x", "ü", "a'b"]
)
def test_a_value_is_the_text_that_was_typed(text: str) -> None:
    assert typed(f"results={text}", "profile=quick") == {"results": text, "profile": "quick"}
    assert typed(f"results='{text}'")["results"] == text
    assert read_overrides({"results": 2026}, []) == {"results": "2026"}  # from a file: --configfile


def test_an_empty_value_is_none() -> None:
    assert typed("data_root=") == {}


@pytest.mark.parametrize("text", ["1e3", "007", "1_000", "a: b", "a #b", "[a]", '"a', "nan "])
def test_what_snakemake_reads_otherwise_is_refused_and_the_remedy_works(tmp_path: Path, text: str) -> None:
    with pytest.raises(ReproError, match="Snakemake reads results=") as caught:
        typed(f"results={text}")
    remedy = (caught.value.remedy or "").partition("write it into config/config.yaml instead: ")[2]
    settings = load_config(write_config(tmp_path, settings=f"{SETTINGS}{remedy}\n")).settings
    assert results_folder({}, settings) == Path(text)


@pytest.mark.parametrize(
    ("word", "says", "remedy"),
    [
        ("profil=paper", "there is no setting 'profil'", "did you mean profile?"),
        ("dataroot=x", "there is no setting 'dataroot'", "did you mean data_root?"),
        (
            "colour=red",
            "there is no setting 'colour'",
            "choose one of profile, results, data_root, inception",
        ),
        ("tolerances=1", "--config does not take 'tolerances'", "change it in config/config.yaml"),
    ],
)
def test_what_no_command_takes_is_refused(word: str, says: str, remedy: str) -> None:
    with pytest.raises(ReproError, match=says) as caught:
        typed(word)
    assert remedy in str(caught.value.remedy)


def test_a_folder_that_would_be_a_wildcard_is_refused(tmp_path: Path) -> None:
    settings = load_config(write_config(tmp_path)).settings
    with pytest.raises(ReproError, match="takes for a wildcard"):
        results_folder({"results": "a{b}"}, settings)
