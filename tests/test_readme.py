"""README's examples, word for word."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def test_the_attack_example_runs() -> None:
    section = README.partition("## The attacks by themselves")[2]
    found = re.search(r"```python\n(.*?)```", section, re.DOTALL)
    assert found
    check = "change = (attacked - images).flatten(1).norm(dim=1); assert 0.3 < change.max() < 0.5001"
    subprocess.run([sys.executable, "-c", found[1] + check], check=True)
