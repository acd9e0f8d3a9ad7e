"""Progress on stderr: a bar with rate and remaining time on a terminal, a line every 30 seconds elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

LINE_SECONDS = 30.0


def rate_and_rest(done: int, total: int, seconds: float) -> str:
    """Return rate and remaining time as text, e.g. ``12.5 steps/s, 0:01:20 left``.

    Args:
        done: steps of this session.
        total: steps of this session when it will have ended.
        seconds: time of this session.
    """
    if done <= 0 or seconds <= 0:
        return "rate unknown"
    rate = done / seconds
    speed = f"{rate:.3g} steps/s" if rate >= 1 else f"{1 / rate:.3g} s/step"
    rest = round((total - done) / rate)
    return f"{speed}, {rest // 3600}:{rest // 60 % 60:02}:{rest % 60:02} left"


class ProgressDisplay:
    """Shows how far a run is.

    Args:
        label: the run's name.
        total: steps of the whole run.
        start: steps done in earlier sessions.
        shown: False shows nothing.
    """

    def __init__(self, label: str, *, total: int, start: int = 0, shown: bool = True) -> None:
        self._label, self._total, self._start, self._shown = label, total, start, shown
        self._began = self._lined = time.monotonic()
        self._metrics = ""
        self._bar: Progress | None = None
        if shown and sys.stderr.isatty():
            columns = (
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[text]}"),
            )
            self._bar = Progress(*columns, console=Console(stderr=True), refresh_per_second=2)
            self._task = self._bar.add_task(label, total=total, completed=start, text="")

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def metrics(self, means: Mapping[str, float]) -> None:
        """Show these values from now on."""
        self._metrics = "  ".join(f"{name} {value:.4g}" for name, value in means.items())

    def update(self, done: int) -> None:
        """Show that ``done`` steps of the run are done."""
        if not self._shown:
            return
        now = time.monotonic()
        if self._bar is None and now - self._lined < LINE_SECONDS:
            return
        pace = rate_and_rest(done - self._start, self._total - self._start, now - self._began)
        text = f"{pace}  {self._metrics}".rstrip()
        if self._bar is not None:
            self._bar.update(self._task, completed=done, text=text)
            return
        self._lined = now
        share = 100 * done / self._total
        print(
            f"{self._label}: step {done}/{self._total} ({share:.0f} %), {text}", file=sys.stderr, flush=True
        )
