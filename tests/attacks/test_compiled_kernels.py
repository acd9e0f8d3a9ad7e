"""Every Triton kernel compiled for real GPUs, with none at hand: loads, registers, and what becomes of NaN.

Triton's interpreter replaces kernels when they are defined, so compiling is done in a process without it.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from functools import cache
from importlib.util import find_spec
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(
    not find_spec("triton"), reason="triton is not installed (extra 'interpreter')"
)
GENERATIONS = (80, 90, 100)
SIDES = (32, 48, 64, 128, 144)  # of the papers' images, and what no register holds
MOVES = {"unit_direction 128": 2, "l2_step 128": 5}  # reads and writes of a value
COMPILER = """
import json, re, subprocess, sys, tempfile
from pathlib import Path
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource, compile
from repro.attacks.kernels.fused import dat_step, steps, unit_direction
from repro.attacks.kernels.fused.elementwise import BLOCK
from repro.attacks.kernels.fused.samples import HELD, WHOLE, block, pieces

BIN = Path(triton.__file__).parent / "backends" / "nvidia" / "bin"

def compiled(kernel, aligned, warps, length, count=None):
    whole = {"n"}
    tensors = {"attacked", "images", "gradient", "out", "slope", "vectors"}
    kinds = {n: "*fp32" if n in tensors else "i32" if n in whole else "fp32" for n in kernel.arg_names}
    fixed = {"BLOCK": length} | ({"PIECES": count} if count else {})
    kinds |= dict.fromkeys(fixed, "constexpr")
    sixteens = [i for i, n in enumerate(kernel.arg_names) if n in tensors or (n in whole and aligned)]
    attributes = {(i,): [["tt.divisibility", 16]] for i in sixteens}
    source = ASTSource(kernel, kinds, constexprs=fixed, attrs=attributes)
    made = compile(source, target=GPUTarget("cuda", int(sys.argv[1]), 32), options={"num_warps": warps})
    with tempfile.NamedTemporaryFile() as file:
        file.write(made.asm["cubin"])
        file.flush()
        words = [BIN / "cuobjdump", "-res-usage", file.name]
        used = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    used = {name: int(number) for name, number in re.findall(r"(REG|STACK|LOCAL):(\\d+)", used)}
    return {"ptx": made.asm["ptx"], "threads": 32 * warps, "shared": made.metadata.shared, **used}

found = {}
for aligned in (True, False):
    flat = {"linf_step": steps._linf, "dat_step": dat_step._kernel}
    for name, kernel in flat.items():
        found[f"{name} {aligned}"] = compiled(kernel, aligned, 4, BLOCK)
for side in map(int, sys.argv[2:]):
    values = 3 * side * side
    length, count, warps = pieces(min(values, HELD))
    block_length, block_warps = block(values)
    held, blocked = (True, warps, length, count), (True, block_warps, block_length)
    if values <= HELD:
        found[f"unit_direction {side}"] = compiled(unit_direction._held, *held)
    else:
        found[f"unit_direction {side}"] = compiled(unit_direction._blocked, *blocked)
    if WHOLE < values <= HELD:
        found[f"l2_step {side}"] = compiled(steps._held, *held)
    else:
        found[f"l2_step {side}"] = compiled(steps._whole if values <= WHOLE else steps._blocked, *blocked)
print(json.dumps(found))
"""


@cache
def compiled(generation: int) -> dict[str, dict[str, Any]]:
    """Return the PTX and the shared memory of each kernel, by its name and the side of its images."""
    done = subprocess.run(
        [sys.executable, "-c", COMPILER, str(generation), *map(str, SIDES)],
        env={**os.environ, "TRITON_INTERPRET": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)  # type: ignore[no-any-return]


@pytest.mark.slow
@pytest.mark.parametrize("generation", GENERATIONS)
def test_kernels_load_vectors_keep_nan_and_fit_into_registers(generation: int) -> None:
    kernels = compiled(generation)
    assert len(kernels) == 4 + 2 * len(SIDES)
    for name, made in kernels.items():
        ptx = made["ptx"]
        assert f".target sm_{generation}" in ptx
        words = re.findall(r"(?:ld|st)\.global[\w.]*", ptx)
        wide = [word for word in words if ".v4." in word]
        if name.endswith("False"):  # its values do not divide by 4
            assert words, name
            assert not wide, name
        else:
            assert len(words) == len(wide), (name, words)
        if "unit" not in name:
            assert "max.NaN.f32" in ptx, name  # into the box; without it NaN would become a pixel
            assert "min.NaN.f32" in ptx, name
        assert made["LOCAL"] == 0, name
        # two words at most are spilled, of 48 changes a thread a few more: far less than another read
        assert made["STACK"] <= (64 if name == "l2_step 128" else 8), name
        # a multiprocessor's 65,536 registers hold a program, of images of 32 pixels two
        programs = 1 if name.endswith(("48", "64", "128", "144")) else 2
        assert programs * made["threads"] * made["REG"] <= 65536, (name, made["REG"])
        assert made["shared"] <= 1024, name
        if moves := MOVES.get(name):  # a gradient's norm takes one more read, in a loop
            norm = "l2_step" in name
            assert 4 * (len(words) - norm) * made["threads"] == moves * 3 * 128**2, name
