"""Networks of every kind that an attack may meet: 3 x 16 x 16 images, five classes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations

import repro.core.vision  # noqa: F401  torchvision beside a CPU torch needs it
from repro.attacks import TwoClasses
from repro.models.dropout import StreamDropout

CLASSES, SIZE = 5, 16


@dataclass(frozen=True)
class Kind:
    """One kind of network.

    Attributes:
        make: builds it, in train mode, from torch's seeded stream.
        logits: how its class logits are read; None where it returns them.
        classes: number of its classes.
        exact: whether two passes on equal images give equal bits, whatever else is in the batch.
    """

    make: Callable[[], nn.Module]
    logits: Callable[[Any], Tensor] | None = None
    classes: int = CLASSES
    exact: bool = True


class Head(nn.Module):
    """Any features, averaged over space, to class logits."""

    def __init__(self, *layers: nn.Module, width: int = 8, classes: int = CLASSES) -> None:
        super().__init__()
        self.features = nn.Sequential(*layers)
        self.last = nn.Linear(width, classes)

    def forward(self, images: Tensor) -> Any:
        return self.last(self.features(images).mean(dim=(2, 3)))


def convolution(inputs: int = 3, outputs: int = 8, **more: Any) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, padding=1, **more)


def normed(*layers: nn.Module) -> nn.Module:
    """Layers with batch norms whose statistics are far from the initial ones."""
    network = Head(*layers)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1.0, 0.3)
            nn.init.normal_(module.bias, 0.0, 0.3)
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.2, 2.0)
    return network


class Transformer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 16, 4, stride=4)
        layer = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.1, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.last = nn.Linear(16, CLASSES)

    def forward(self, images: Tensor) -> Tensor:
        return self.last(self.encoder(self.patches(images).flatten(2).transpose(1, 2)).mean(dim=1))


class Recurrent(nn.Module):
    """The pixels in sixteen parts through an LSTM."""

    def __init__(self) -> None:
        super().__init__()
        self.rows = nn.LSTM(3 * SIZE, 16, batch_first=True)
        self.last = nn.Linear(16, CLASSES)

    def forward(self, images: Tensor) -> Tensor:
        return self.last(self.rows(images.flatten(1).unflatten(1, (SIZE, -1)))[0].mean(dim=1))


class Tied(Head):
    """Two convolutions with one weight, and one module used twice."""

    def __init__(self) -> None:
        super().__init__(convolution())
        self.first, self.second, self.twice = convolution(8, 8), convolution(8, 8), convolution(8, 8)
        self.second.weight = self.first.weight

    def forward(self, images: Tensor) -> Tensor:
        maps = self.twice(torch.relu(self.twice(self.features(images))))
        return self.last(torch.relu(self.second(torch.relu(self.first(maps)))).mean(dim=(2, 3)))


class Buffered(Head):
    """Buffers that the forward pass uses, and one that it changes and depends on."""

    def __init__(self) -> None:
        super().__init__(convolution(), nn.ReLU())
        self.register_buffer("mean", torch.rand(3, 1, 1))
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, images: Tensor) -> Tensor:
        self.calls += 1
        return super().forward(images - self.mean) * (1 + 0.5 * torch.sin(self.calls))


class Rounding(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, images: Tensor) -> Tensor:
        return (images * 8).round() / 8

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient


class StraightThrough(Head):
    """A quantiser whose own backward pass is not the derivative of its forward pass."""

    def forward(self, images: Tensor) -> Tensor:
        return super().forward(Rounding.apply(images))


class Detached(Head):
    """A branch that gives no gradient."""

    def forward(self, images: Tensor) -> Tensor:
        with torch.no_grad():
            gate = torch.sigmoid(super().forward(images))
        return gate * super().forward(images)


class Random(Head):
    """Draws from torch's stream in eval mode too."""

    def forward(self, images: Tensor) -> Tensor:
        return self.last(F.dropout(self.features(images), 0.3, training=True).mean(dim=(2, 3)))


class Careless(Head):
    """Writes to the images that it is given, and keeps what it made in new and old attributes."""

    seen: Tensor | None = None

    def __init__(self) -> None:
        super().__init__(convolution(), nn.ReLU())
        self.history: list[Tensor] = []

    def forward(self, images: Tensor) -> Tensor:
        images.mul_(2).sub_(1)
        self.last_maps = self.features(images)
        self.history.append(self.last_maps)
        return self.last(self.last_maps.mean(dim=(2, 3)))


class Viewing(nn.Module):
    """``view`` works on contiguous maps alone."""

    def __init__(self) -> None:
        super().__init__()
        self.first = convolution(outputs=16)
        self.last = nn.Linear(16 * SIZE * SIZE, CLASSES)

    def forward(self, images: Tensor) -> Tensor:
        return self.last(torch.tanh(self.first(images)).view(len(images), -1))


class Strided(Viewing):
    """Reads memory as if it were contiguous: in another order it is another function, without an error."""

    def forward(self, images: Tensor) -> Tensor:
        maps = torch.tanh(self.first(images))
        return self.last(maps.as_strided((len(images), maps[0].numel()), (maps[0].numel(), 1)))


class Parts(Head):
    """Returns more than logits."""

    def __init__(self, form: str) -> None:
        super().__init__(convolution(), nn.ReLU())
        self.form = form

    def forward(self, images: Tensor) -> Any:
        features = self.features(images).mean(dim=(2, 3))
        logits = self.last(features)
        return (logits, features) if self.form == "tuple" else {"features": features, "logits": logits}


def hooked() -> nn.Module:
    network = Head(convolution(), nn.ReLU())
    network.features[0].register_forward_hook(lambda module, given, made: made * 1.5 + 0.1)
    network.last.register_forward_pre_hook(lambda module, given: (given[0] * 2,))
    return network


def old_weight_norm() -> nn.Module:
    network = Head(convolution(), nn.ReLU())
    torch.nn.utils.weight_norm(network.features[0])
    return network


def resnet18() -> nn.Module:
    from torchvision.models import resnet18 as make

    return make(num_classes=CLASSES)


def densenet() -> nn.Module:
    from torchvision.models import DenseNet

    return DenseNet(8, (2, 2), num_init_features=16, bn_size=2, drop_rate=0.2, num_classes=CLASSES)


KINDS: dict[str, Kind] = {
    "in place, wide": Kind(lambda: Head(convolution(3, 64), nn.ReLU(inplace=True), convolution(64, 8))),
    "batch norm": Kind(
        lambda: normed(
            convolution(bias=False), nn.BatchNorm2d(8), nn.ReLU(), convolution(8, 8), nn.BatchNorm2d(8)
        )
    ),
    "dropout": Kind(
        lambda: Head(convolution(), nn.ReLU(), nn.Dropout(0.5), convolution(8, 8), nn.Dropout2d(0.5))
    ),
    "own dropout": Kind(
        lambda: Head(convolution(), nn.ReLU(), StreamDropout(0.5, torch.Generator().manual_seed(0)))
    ),
    "transformer": Kind(Transformer),
    "recurrent": Kind(Recurrent),
    "resnet18": Kind(resnet18),
    "densenet": Kind(densenet),
    "depthwise": Kind(
        lambda: normed(convolution(), convolution(8, 8, groups=8), nn.BatchNorm2d(8), nn.Hardswish())
    ),
    "weight norm": Kind(lambda: Head(parametrizations.weight_norm(convolution()), nn.ReLU())),
    "old weight norm": Kind(old_weight_norm),
    "spectral norm": Kind(lambda: Head(parametrizations.spectral_norm(convolution()), nn.ReLU())),
    "tied and shared": Kind(Tied),
    "group and instance norm": Kind(
        lambda: Head(
            convolution(), nn.GroupNorm(2, 8), nn.ReLU(), nn.InstanceNorm2d(8, track_running_stats=True)
        )
    ),
    "changing buffers": Kind(Buffered, exact=False),
    "straight-through": Kind(lambda: StraightThrough(convolution(), nn.ReLU())),
    "no_grad branch": Kind(lambda: Detached(convolution(), nn.ReLU())),
    "hooks": Kind(hooked),
    "random": Kind(lambda: Random(convolution(), nn.ReLU()), exact=False),
    "careless": Kind(Careless),
    "view": Kind(Viewing),
    "as_strided": Kind(Strided),
    "tuple": Kind(lambda: Parts("tuple"), logits=lambda outputs: outputs[0]),
    "dictionary": Kind(lambda: Parts("dictionary"), logits=lambda outputs: outputs["logits"]),
    "one output": Kind(lambda: TwoClasses(Head(convolution(), nn.ReLU(), classes=1)), classes=2),
    "float16": Kind(lambda: Head(convolution(), nn.ReLU()).half()),
    "bfloat16": Kind(lambda: Head(convolution(), nn.ReLU()).bfloat16()),
    "script": Kind(
        lambda: torch.jit.script(
            nn.Sequential(convolution(), nn.ReLU(), nn.Flatten(), nn.Linear(2048, CLASSES))
        )
    ),
    "no parameters": Kind(lambda: Pooled()),
}


class Pooled(nn.Module):
    """Means of image regions; nothing is learned."""

    def forward(self, images: Tensor) -> Tensor:
        return 9 * torch.sin(7 * F.adaptive_avg_pool2d(images, (1, CLASSES)).sum(dim=1).squeeze(1))


class Plain(nn.Module):
    """A kind of network as other libraries need it: float32 images to float32 logits."""

    def __init__(self, network: nn.Module, kind: Kind) -> None:
        super().__init__()
        self.network, self.kind = network, kind
        self.dtype = next((p.dtype for p in network.parameters()), torch.float32)

    def forward(self, images: Tensor) -> Tensor:
        outputs = self.network(images.to(self.dtype, copy=True))
        return (outputs if self.kind.logits is None else self.kind.logits(outputs)).float()


def built(name: str) -> nn.Module:
    torch.manual_seed(sum(map(ord, name)))
    return KINDS[name].make()


def images_for(name: str, number: int = 8) -> tuple[Tensor, Tensor]:
    """Return images in [0, 1] and labels of which a part is right."""
    generator = torch.Generator().manual_seed(5)
    images = torch.rand(number, 3, SIZE, SIZE, generator=generator)
    return images, torch.arange(number) % KINDS[name].classes


def traces(network: nn.Module) -> OrderedDict[str, Any]:
    """Return all that an attack could leave behind in a network, to be compared before and after."""
    found: OrderedDict[str, Any] = OrderedDict()
    for name, tensor in network.state_dict().items():
        found[f"value of {name}"] = tensor.clone()
    for name, parameter in network.named_parameters():
        found[f"flags of {name}"] = (
            parameter.requires_grad,
            parameter.grad,
            id(parameter),
            parameter.data_ptr(),
            parameter.stride(),
        )
    for name, module in network.named_modules():
        found[f"mode of {name}"] = module.training
        held = {key: value for key, value in module.__dict__.items() if key != "training"}
        found[f"attributes of {name}"] = {
            key: (id(value), [*map(id, value.values() if isinstance(value, dict) else value)])
            if type(value) in (dict, OrderedDict, list)
            else id(value)
            for key, value in held.items()
        }
    return found


def differences(before: OrderedDict[str, Any], network: nn.Module) -> list[str]:
    """Return the names of what is no longer as it was."""
    after = traces(network)
    same = {
        name: torch.equal(value, after[name]) if isinstance(value, Tensor) else value == after[name]
        for name, value in before.items()
    }
    return [name for name, kept in same.items() if not kept] + [name for name in after if name not in before]
