"""Rob-GAN's CIFAR discriminator: a pre-activation ResNet-18 without any normalisation, with two heads.

Architecture of He et al. (2016) as the Rob-GAN code used it for CIFAR-10: LeakyReLU 0.2 in place of batch
norm and ReLU, no bias in convolutions. 11,164,875 parameters for 10 classes.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from repro.models.heads import TwoHeads
from repro.models.robgan_generator import RobGANGenerator
from repro.models.width import channels

SLOPE = 0.2


def _conv(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)


class _Block(nn.Module):
    """Activation, convolution, activation, convolution; where the shape changes, a 1 x 1 shortcut."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = _conv(inputs, outputs, 3, stride)
        self.second = _conv(outputs, outputs, 3)
        self.shortcut = _conv(inputs, outputs, 1, stride) if stride != 1 or inputs != outputs else None
        for layer in (self.first, self.second):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out")

    def forward(self, x: Tensor) -> Tensor:
        activated = F.leaky_relu(x, SLOPE)
        # the projection sees the activated input, the identity the raw one, as in He et al.
        shortcut = x if self.shortcut is None else self.shortcut(activated)
        hidden = F.leaky_relu(self.first(activated), SLOPE)
        result: Tensor = self.second(hidden) + shortcut
        return result


class PreActResNet18(TwoHeads):
    """Four stages of two blocks; the last stage's map is averaged over space without a last activation.

    Args:
        n_classes: number of class logits.
        width: multiplies the channel counts.
    """

    def __init__(self, n_classes: int, *, width: float = 1.0) -> None:
        stages = [channels(base, width) for base in (64, 128, 256, 512)]
        super().__init__(stages[-1], n_classes)
        blocks: list[nn.Module] = [_conv(3, stages[0], 3)]
        inputs = stages[0]
        for number, outputs in enumerate(stages):
            blocks += [_Block(inputs, outputs, 1 if number == 0 else 2), _Block(outputs, outputs, 1)]
            inputs = outputs
        self.body = nn.Sequential(*blocks)

    def features(self, images: Tensor) -> Tensor:
        """Return features (N, 512) of ``images`` (N, 3, H, W) in [-1, 1]."""
        maps: Tensor = self.body(images)
        return maps.mean(dim=(2, 3))


TWO_HEADS = PreActResNet18
AC_GAN = RobGANGenerator, PreActResNet18
