"""Networks by name: ``models/<name>.py`` with a line that says what it is. Listing needs no torch.

=====================================  =====================================================================
``GAN = Generator, Discriminator``     latents (N, latent_dim) to images in [-1,1]; images to logits (N,)
``ROTATION_GAN`` (likewise)            its discriminator has ``rotation_logits``, see ``ssgan.py``
``INFOMAX_GAN`` (likewise)             its discriminator has ``views`` and ``project``, see ``infomax_gan.py``
``POINT_GAN`` (likewise)               for points on the plane, see ``mlp.py``
``CLASSIFIER = Network``               images to class logits (N, n_classes)
``TWO_HEADS = Network``                real or fake beside the class, a ``TwoHeads`` (``heads.py``)
``CONDITIONAL_GAN`` (as ``GAN``)       both take classes (N,), int64, as a second argument
``AC_GAN`` (likewise)                  the generator alone takes classes; the discriminator is a ``TwoHeads``
=====================================  =====================================================================

A constructor takes by name what it needs of ``GIVEN``. All its other keywords are options that a recipe may
set; their annotations are checked before anything is trained.
"""

from __future__ import annotations

from inspect import Parameter, signature
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, get_type_hints

from pydantic import Field

from repro.core.by_name import declaring, load_module
from repro.core.errors import ReproError

if TYPE_CHECKING:
    from torch import nn

NetworkT = TypeVar("NetworkT", bound="nn.Module")

GIVEN = ("image_size", "n_classes", "width", "streams")
"""What a method tells a network: side of the images (0 for points), classes, width factor, random streams."""

LatentDim = Annotated[int, Field(ge=1)]

_PACKAGE = "repro.models"


def network_names(kinds: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of all networks of these kinds, sorted."""
    return declaring(_PACKAGE, _declaration(kinds))


def load_network(kinds: tuple[str, ...], name: str) -> tuple[type[nn.Module], ...]:
    """Return the classes that make up the network called ``name``: one, or generator and discriminator.

    Raises:
        ReproError: there is no such network of these kinds; lists those that exist.
    """
    module = load_module(_PACKAGE, _declaration(kinds), "network", name)
    parts = next(getattr(module, kind) for kind in kinds if hasattr(module, kind))
    return parts if isinstance(parts, tuple) else (parts,)


def network_options(*parts: type[nn.Module]) -> dict[str, tuple[Any, Any]]:
    """Return type and default of every option of a network's ``parts``, by name."""
    found: dict[str, tuple[Any, Any]] = {}
    for part in parts:
        try:
            types = get_type_hints(part.__init__, include_extras=True)
        except NameError as error:
            raise ReproError(
                f"an annotation of {part.__module__}.{part.__name__} cannot be read ({error})",
                remedy="import what it names outside of `if TYPE_CHECKING`",
            ) from error
        for name, parameter in signature(part).parameters.items():
            if name not in GIVEN:
                default = ... if parameter.default is Parameter.empty else parameter.default
                found.setdefault(name, (types.get(name, Any), default))
    return found


def wants(part: type[nn.Module], name: str) -> bool:
    """Return whether a network of class ``part`` is made with ``name``, one of ``GIVEN``."""
    return name in signature(part).parameters


def build(part: type[NetworkT], options: object, **given: object) -> NetworkT:
    """Return a network of class ``part``, made of its ``options`` and what it needs of ``given``."""
    wanted = signature(part).parameters
    own = {name: getattr(options, name) for name in network_options(part)}
    return part(**{name: value for name, value in given.items() if name in wanted}, **own)


def _declaration(kinds: tuple[str, ...]) -> str:
    return f"(?:{'|'.join(kinds)}) = "
