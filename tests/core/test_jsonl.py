"""The step log: what a resumed run keeps of it, and what is damage."""

from __future__ import annotations

import json
import resource
from pathlib import Path

import pytest

from repro.core.errors import ReproError
from repro.core.jsonl import StepLog, lines_after, mark_of, read_lines


def test_the_log_goes_on_after_the_resumed_step(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    with StepLog(path) as log:
        for step in (5, 10, 15):
            mark = log.mark  # in the end: before the line of step 15
            log.write({"step": step, "metrics": {"loss": step / 3}})
    with path.open("a") as file:
        file.write('{"step": 20, "met')  # the process was killed here
    assert [line["step"] for line in read_lines(path)] == [5, 10, 15]
    assert [line["step"] for line in lines_after(path, mark)] == [15]
    with StepLog(path, keep=mark) as log:
        log.write({"step": 15, "again": True})
        assert log.mark == mark_of(path.read_bytes())
    lines = [json.loads(text) for text in path.read_text().splitlines()]
    assert [line["step"] for line in lines] == [5, 10, 15]
    assert lines[1]["metrics"]["loss"] == 10 / 3
    assert lines[2] == {"step": 15, "again": True}
    with StepLog(path), pytest.raises(ValueError, match="JSON compliant"):
        StepLog(path).write({"step": 1, "loss": float("inf")})


def test_a_full_disk_is_said_and_what_was_written_stays(tmp_path: Path) -> None:
    path, line = tmp_path / "metrics.jsonl", {"step": 1, "text": "x" * 20}
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        with pytest.raises(ReproError, match=r"cannot write metrics\.jsonl"), StepLog(path) as log:
            log.write(line)
            mark = log.mark
            resource.setrlimit(resource.RLIMIT_FSIZE, (mark.size + 10, limits[1]))  # fails half-way
            log.write({**line, "step": 2})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert read_lines(path) == [line]
    with StepLog(path, keep=mark):
        pass
    assert path.stat().st_size == mark.size


def test_a_log_that_is_damaged_half_way_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    with StepLog(path) as log:
        for step in (5, 10, 15):
            log.write({"step": step})
    for damaged in (b"\0\0\0", b"[5]", b'{"step": "10"}', b'{"no_step": 1}', b"\xff", b""):
        lines = path.read_bytes().split(b"\n")
        lines[1] = damaged
        other = tmp_path / "damaged.jsonl"
        other.write_bytes(b"\n".join(lines))
        with pytest.raises(ReproError, match="is damaged") as caught:
            read_lines(other)
        assert (caught.value.line, caught.value.where) == (2, str(other))
        with pytest.raises(ReproError, match="not as it was"):
            StepLog(other, keep=mark_of(path.read_bytes()))
        assert other.read_bytes() == b"\n".join(lines)
