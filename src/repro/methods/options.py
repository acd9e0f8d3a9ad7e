"""A method's options, and those of the network that they name."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Annotated, ClassVar

from pydantic import Field, create_model

from repro.core.by_name import parse_options
from repro.core.errors import ReproError
from repro.core.options import EffectiveOptions
from repro.core.spec import Precision
from repro.models.registry import load_network, network_names, network_options

Share = Annotated[float, Field(gt=0, le=1)]
CropArea = tuple[Share, Share] | None


class MethodOptions(EffectiveOptions):
    """Base of every method's options."""

    def check_precision(self, precision: Precision) -> None:
        """Check that what these options ask for can be told in a number format.

        Raises:
            ReproError: it cannot.
        """


class NetworkOptions(MethodOptions):
    """Base of the options of methods whose network is chosen by name.

    The network's own options are given beside the method's.

    Attributes:
        networks: the kinds of network that will do (see ``models/registry.py``).
        network: a file of ``models``.
        only_with: options of the method that mean something to some kinds of network only, and these kinds.
    """

    networks: ClassVar[tuple[str, ...]]
    only_with: ClassVar[Mapping[str, tuple[str, ...]]] = {}

    network: str


def read_options(method: str, kind: type[MethodOptions], given: Mapping[str, object]) -> MethodOptions:
    """Return ``given`` as a value of ``kind`` that has the network's options too, defaults filled in.

    Raises:
        ReproError: there is no such network, an option is unknown or has a forbidden value.
    """
    if not issubclass(kind, NetworkOptions):
        return parse_options("method", method, kind, given)
    network = str(given.get("network", kind.model_fields["network"].default))
    whole = _with_network(kind, network)
    for option in sorted((given.keys() - whole.model_fields) | (given.keys() & kind.only_with)):
        names = network_names(kind.only_with.get(option, kind.networks))
        if option not in kind.only_with:
            names = tuple(n for n in names if option in network_options(*load_network(kind.networks, n)))
        if names and network not in names:
            raise ReproError(
                f"method {method} has no option {option!r} with network {network}",
                remedy=f"leave it out, or choose network {' or '.join(names)}",
            )
    return parse_options("method", method, whole, given)


@cache
def _with_network(kind: type[NetworkOptions], network: str) -> type[NetworkOptions]:
    """Return ``kind`` with the options of a network beside its own; one of both names is given to both."""
    of_network = network_options(*load_network(kind.networks, network))
    added = {name: field for name, field in of_network.items() if name not in kind.model_fields}
    return create_model(kind.__name__, __base__=kind, __module__=kind.__module__, **added)  # type: ignore[call-overload,no-any-return]
