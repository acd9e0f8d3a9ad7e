"""Named random streams: every use of chance has its own generator, derived from the run's seed and a name."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor

from repro.core.errors import ReproError

_HOST = "host:"  # prefix of the streams that `seeded` uses; they live on the CPU whatever the run's device


def stream_seed(seed: int, name: str) -> int:
    """Return the seed (0 to 2**63 - 1) of stream ``name`` in a run with seed ``seed``."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{name}".encode()).digest()[:8], "big") >> 1


def cuda_devices() -> list[int]:
    """Return the CUDA devices whose global generators ``torch.manual_seed`` reaches, for ``fork_rng``."""
    return list(range(torch.cuda.device_count())) if torch.cuda.is_initialized() else []  # type: ignore[no-untyped-call]


class Streams:
    """The random generators of one run.

    Drawing from one stream never changes another, so switching dropout off leaves the data order as it was.

    Args:
        seed: the run's seed.
        device: where the generators live (and so where their numbers are made).
    """

    def __init__(self, seed: int, device: torch.device | str = "cpu") -> None:
        self.seed = seed
        self.device = torch.device(device)
        self._generators: dict[str, torch.Generator] = {}

    def generator(self, name: str) -> torch.Generator:
        """Return the generator of stream ``name``: made at the first call, the same object ever after."""
        return self._get(name, self.device)

    def normal(self, name: str, like: Tensor) -> Tensor:
        """Return standard normal numbers of stream ``name``, in the shape and on the device of ``like``."""
        return torch.empty_like(like).normal_(generator=self.generator(name))

    @contextmanager
    def seeded(self, name: str) -> Iterator[None]:
        """Run code that draws from torch's global generators (weight initialisation) under stream ``name``.

        The global state is put back afterwards. The seed is drawn on the CPU, so weights that are made
        there are the same for every device. A second block under one name draws other numbers than the first.
        """
        host = self._get(_HOST + name, torch.device("cpu"))
        seed = int(torch.randint(2**62, (), generator=host))
        cuda = [self.device] if self.device.type == "cuda" else []
        with torch.random.fork_rng(devices=cuda):
            # not ``torch.manual_seed``, which seeds every device there is
            torch.default_generator.manual_seed(seed)
            for device in cuda:
                with torch.cuda.device(device):
                    torch.cuda.manual_seed(seed)
            yield

    def rewind(self, seed: int) -> None:
        """Set every stream of the device used so far back to where a run with ``seed`` begins."""
        for name, generator in self._generators.items():
            if not name.startswith(_HOST):
                generator.manual_seed(stream_seed(seed, name))

    def state_dict(self) -> dict[str, Tensor]:
        """Return the state of every stream used so far (uint8 CPU tensors)."""
        return {name: generator.get_state() for name, generator in sorted(self._generators.items())}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Take up a saved state; generators already handed out stay the same objects.

        Raises:
            ReproError: the state is of another kind of device.
        """
        for name in {*self._generators, *state}:
            generator = self._get(name, torch.device("cpu") if name.startswith(_HOST) else self.device)
            if name not in state:  # not yet used when the state was saved: back to its beginning
                generator.manual_seed(stream_seed(self.seed, name))
                continue
            try:
                generator.set_state(state[name].cpu())
            except (RuntimeError, TypeError) as error:
                raise ReproError(
                    f"the random stream {name!r} was saved on another kind of device than {self.device.type}",
                    remedy="go on with it on the kind of device that it began on, or delete the run's folder",
                ) from error

    def _get(self, name: str, device: torch.device) -> torch.Generator:
        if name not in self._generators:
            generator = torch.Generator(device=device)
            generator.manual_seed(stream_seed(self.seed, name))
            self._generators[name] = generator
        return self._generators[name]
