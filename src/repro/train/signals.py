"""Ending a run on SIGTERM or Ctrl-C: the step is finished and a checkpoint written first."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any, Self

from repro.core.errors import ReproError
from repro.core.ranks import count

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class StoppedError(ReproError):
    """The run was asked to stop; its checkpoint is written, unless it failed at that."""


class StopSignals:
    """Notes a request to stop while the block runs; a second one acts at once, as it would without this.

    Of several processes that train together none acts on a second one.
    """

    def __init__(self) -> None:
        self.received: str | None = None  # set by the signal alone: it may come in the midst of any line
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():  # Python allows handlers only there
            for number in _SIGNALS:
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        self._restore()
        if isinstance(error, Exception) and self.received is not None:  # else the next run would begin
            why = error.message if isinstance(error, ReproError) else f"{type(error).__name__}: {error}"
            raise StoppedError(
                f"{self.received} came, and the run failed: {why}",
                remedy="run the same command again, which fails alike if it is the run's own fault",
                where=getattr(error, "where", None),
            ) from error

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.received = signal.Signals(number).name
        if count() == 1:  # torchrun passes on what a cluster may have told its processes already
            self._restore()

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()
