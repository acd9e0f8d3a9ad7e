"""The one place that imports torchvision: ``from repro.core.vision import torchvision``.

torchvision's wheel is a CUDA build. Beside a CPU torch its compiled operators do not load, and registering
their fake versions then raises "operator torchvision::nms does not exist". Declaring those operators here
lets the import pass; data sets, models and transforms work, ``torchvision.ops.nms`` and
``torchvision.io.read_image`` do not (nothing here uses them). Importing this module first also lets packages
load that import torchvision themselves (torch-fidelity).
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

import torch

_OPERATORS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
_library: torch.library.Library | None = None  # the declarations vanish with the object, so it is kept


def _import() -> ModuleType:
    global _library
    try:
        return importlib.import_module("torchvision")
    except RuntimeError as error:
        if "does not exist" not in str(error):
            raise
    for name in [name for name in sys.modules if name == "torchvision" or name.startswith("torchvision.")]:
        del sys.modules[name]
    _library = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
    for operator in _OPERATORS:
        _library.define(operator)  # type: ignore[no-untyped-call]
    return importlib.import_module("torchvision")


torchvision = _import()
