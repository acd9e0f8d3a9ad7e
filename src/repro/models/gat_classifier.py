"""GAT's classifier (paper, Table 1): small and all-convolutional."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from torch import Tensor, nn

from repro.core.streams import Streams
from repro.models.dropout import StreamDropout
from repro.models.initialise import Xavier, xavier_
from repro.models.width import channels

DropoutPlace = Literal["downsampling", "last_hidden"]


class GATClassifier(nn.Module):
    """The trainee F: seven convolutions, ReLU after all but the last, average over space. No normalisation.

    240,058 parameters for 10 classes, 248,788 for 100. The paper's table prints a ReLU beside each
    hidden layer and none beside the class scores (ledger gat.last_relu).

    Args:
        n_classes: number of class logits.
        width: multiplies the channel counts.
        initialisation: distribution of the Xavier initialisation (the paper does not say which).
        dropout: probability of dropping a feature, 0 for the paper's own networks.
        dropout_place: after each stride-2 convolution, or once before the class scores
            (ledger gat.dropout_place).
        streams: the run's, for the dropout masks; needed where ``dropout`` is above 0.
    """

    def __init__(
        self,
        n_classes: int,
        *,
        width: float = 1.0,
        initialisation: Xavier = "xavier_uniform",
        dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0,
        dropout_place: DropoutPlace = "downsampling",
        streams: Streams | None = None,
    ) -> None:
        super().__init__()
        a, b = channels(48, width), channels(96, width)
        layout = [(3, a, 3, 1), (a, a, 3, 2), (a, b, 3, 1), (b, b, 3, 2), (b, b, 3, 1), (b, b, 1, 1)]
        generator = streams.generator("dropout") if streams and dropout else None
        layers: list[nn.Module] = []
        for inputs, outputs, kernel, stride in layout:
            layers += [nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2), nn.ReLU()]
            if dropout and stride == 2 and dropout_place == "downsampling":
                layers.append(StreamDropout(dropout, generator))
        if dropout and dropout_place == "last_hidden":
            layers.append(StreamDropout(dropout, generator))
        layers.append(nn.Conv2d(b, n_classes, 1))
        self.layers = nn.Sequential(*layers)
        self.average = nn.AdaptiveAvgPool2d(1)
        xavier_(self, initialisation)

    def forward(self, images: Tensor) -> Tensor:
        """Return class logits (N, n_classes) of ``images`` (N, 3, H, W) in [0, 1]; the paper uses 32 x 32."""
        scores: Tensor = self.average(self.layers(images))
        return scores.flatten(1)

    def stages(self) -> list[nn.Module]:
        """Return the layers in the order in which they are applied."""
        return [*self.layers, self.average, nn.Flatten()]


CLASSIFIER = GATClassifier
TRAIN_SPLIT = "train45k"  # where a recipe names none: 5,000 images stay for validation, as in GAT's search
