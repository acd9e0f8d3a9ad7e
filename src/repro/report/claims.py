"""Claims: sentences of a paper as predicates over cells; how they are written, read and listed."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from repro.core.errors import ReproError

ClaimWord = Literal["supported", "not supported", "inconclusive", "not comparable", "pending"]
CLAIM_WORDS: tuple[ClaimWord, ...] = get_args(ClaimWord)
CLAIM_COLUMNS = ("paper", "id", "statement", "source", "verdict", "reason", "stand_ins", "runs")


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Reference(_Strict):
    """Which cell is meant. What ``right`` leaves out it takes from ``left``, and ``paper`` from the claim."""

    paper: str | None = None
    artefact: str | None = None
    row: str | None = None
    column: str | None = None
    metric: str | None = None
    convention: str | None = None

    def over(self, other: Reference) -> Reference:
        """Return this reference with its gaps filled from ``other``."""
        given = self.model_dump(exclude_none=True)
        return Reference(**{**other.model_dump(exclude_none=True), **given})


class Predicate(_Strict):
    """``left`` is ``relation`` than ``right`` (cell or number) by more than ``by`` (metric's unit)."""

    left: Reference
    relation: Literal["greater", "less"]
    right: Reference | float
    by: float = Field(default=0.0, ge=0)


class Claim(_Strict):
    """One sentence of a paper and the comparisons that it amounts to."""

    id: str
    paper: str
    statement: str
    source: str = ""
    all: tuple[Predicate, ...] = Field(min_length=1)


@dataclass(frozen=True)
class Judgement:
    """The verdict on one claim; ``reason`` names each comparison with its p value."""

    claim: Claim
    word: ClaimWord
    reason: str
    stand_ins: tuple[str, ...] = ()
    runs: tuple[str, ...] = ()


def read_claims(path: Path) -> list[Claim]:
    """Return the claims of a YAML file (``claims:`` and a list).

    Raises:
        ReproError: the file is missing, is no YAML, has a wrong or unknown field, or repeats an id; names the
            line.
    """
    remedy = "write each claim as in the head of the file: id, paper, statement, source, all"
    if not path.is_file():
        raise ReproError("there is no file of claims", remedy="restore it from the repository", where=path)
    text = path.read_text(encoding="utf-8")
    try:
        node, content = yaml.compose(text), yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise ReproError(f"it is no YAML: {error.problem}", remedy=remedy, where=path, line=line) from None
    entries = content.get("claims") if isinstance(content, dict) else None
    if not isinstance(entries, list):
        raise ReproError("it has no list `claims`", remedy=remedy, where=path, line=1)
    claims: list[Claim] = []
    for index, entry in enumerate(entries):
        try:
            claims.append(Claim.model_validate(entry))
        except ValidationError as error:
            first = error.errors()[0]
            line = _line(node, ("claims", index, *first["loc"]))
            place = ".".join(str(part) for part in first["loc"])
            raise ReproError(
                f"claim {index + 1}: {place}: {first['msg']}", remedy=remedy, where=path, line=line
            ) from None
        if claims[-1].id in {claim.id for claim in claims[:-1]}:
            line = _line(node, ("claims", index))
            raise ReproError(
                f"the id `{claims[-1].id}` is given twice", remedy="rename one", where=path, line=line
            )
    return claims


def render_claims(judgements: Iterable[Judgement]) -> str:
    """Return the judgements as CSV text (columns ``CLAIM_COLUMNS``)."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CLAIM_COLUMNS)
    for item in judgements:
        claim = item.claim
        marks = ["+".join(item.stand_ins), "+".join(item.runs)]
        writer.writerow(
            [claim.paper, claim.id, claim.statement, claim.source, item.word, item.reason, *marks]
        )
    return text.getvalue()


def _line(node: Any, location: Sequence[str | int]) -> int | None:
    """Return the line (from 1) of the deepest part of ``location`` that the YAML ``node`` has."""
    for part in location:
        child = None
        if isinstance(node, yaml.MappingNode):
            child = next((value for key, value in node.value if key.value == part), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            child = node.value[part]
        if child is None:
            break
        node = child
    return None if node is None else int(node.start_mark.line) + 1
