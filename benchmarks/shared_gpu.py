"""How many training steps a second several processes take together that share one GPU, as jobs do.

``python benchmarks/shared_gpu.py 14 --method classifier --precision bf16``; start NVIDIA's MPS before
(``nvidia-cuda-mps-control -d``) to see what it adds. Prints one line of JSON.
"""

from __future__ import annotations

import json
import os
import time
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from torch import multiprocessing

from repro.core.device import apply_precision, choose_device, set_deterministic
from test_seed_batches import METHODS, steps

WARMUP = 5


def work(rank: int, start: Barrier, counted: Any, about: dict[str, Any]) -> None:
    """Train one network for the time that is given, together with the others, and note the steps a second."""
    try:
        set_deterministic()
        torch.set_num_threads(1)
        device = choose_device(about["device"])
        apply_precision(about["precision"], device)
        spec = {name: about[name] for name in ("width", "batch_size", "precision")}
        take = steps(about["method"], "in_turn", 1, spec, device)
        for step in range(WARMUP):
            take(step)[0].item()
    except BaseException:
        start.abort()  # the others would wait for ever
        raise
    start.wait()
    began, number = time.perf_counter(), 0
    while time.perf_counter() - began < about["seconds"]:
        loss = take(number)[0]
        number += 1
    loss.item()  # waits for the device
    counted[rank] = number / (time.perf_counter() - began)


def main(
    processes: Annotated[int, typer.Argument(min=1, help="Processes that train at a time.")],
    method: Annotated[str, typer.Option(help=f"One of {', '.join(METHODS)}.")] = "classifier",
    precision: Annotated[str, typer.Option(help="float32, tf32 or bf16.")] = "float32",
    batch_size: Annotated[int, typer.Option(min=1, help="Images a step.")] = 64,
    width: Annotated[float, typer.Option(help="Part of the papers' channels.")] = 1.0,
    seconds: Annotated[float, typer.Option(min=0, help="How long to count.")] = 5,
    device: Annotated[str, typer.Option(help="cpu, cuda or cuda:N.")] = "cuda",
) -> None:
    """Print the steps a second of all processes together."""
    about = dict(locals())
    context = multiprocessing.get_context("spawn")
    start, counted = context.Barrier(processes), context.Array("d", processes, lock=False)
    workers = [context.Process(target=work, args=(rank, start, counted, about)) for rank in range(processes)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if any(worker.exitcode for worker in workers):
        raise SystemExit("error: a process failed; its message is above")
    mps = Path(os.environ.get("CUDA_MPS_PIPE_DIRECTORY", "/tmp/nvidia-mps"), "control").exists()
    print(json.dumps({**about, "mps": mps, "steps_a_second": round(sum(counted), 1)}))


if __name__ == "__main__":
    typer.run(main)
