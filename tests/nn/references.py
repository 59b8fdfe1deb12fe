"""The literature's networks as others have written them: torchvision, timm, or here by hand after the paper."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import timm
import torch
import torchvision.models as tv
from torch import Tensor, nn

_NO_AUX = {"aux_logits": False, "init_weights": False}


def _alexnet_2group() -> nn.Module:
    """Section 3 of the paper: responses normalised, then pooled, after the first two layers."""

    def conv(i: int, o: int, k: int, **kwargs: int) -> list[nn.Module]:
        return [nn.Conv2d(i, o, k, **kwargs), nn.ReLU()]

    normed = [nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=2), nn.MaxPool2d(3, 2)]
    return nn.Sequential(
        *conv(3, 96, 11, stride=4), *normed,
        *conv(96, 256, 5, padding=2, groups=2), *normed,
        *conv(256, 384, 3, padding=1),
        *conv(384, 384, 3, padding=1, groups=2),
        *conv(384, 256, 3, padding=1, groups=2), nn.MaxPool2d(3, 2), nn.Flatten(),
        nn.Linear(9216, 4096), nn.ReLU(), nn.Dropout(), nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout(),
        nn.Linear(4096, 1000),
    )  # fmt: skip


def _vgg16_5x5() -> nn.Module:
    """torchvision's VGG-16 with the first two convolutions of every stage made one of 5x5."""
    layers: list[nn.Module] = []
    before = 3
    for c, more in ((64, 0), (128, 0), (256, 1), (512, 1), (512, 1)):
        layers += [nn.Conv2d(before, c, 5, padding=2), nn.ReLU()]
        layers += [nn.Conv2d(c, c, 3, padding=1), nn.ReLU()] * more + [nn.MaxPool2d(2)]
        before = c
    return tv.VGG(nn.Sequential(*layers))


class _ShuffleUnit(nn.Module):
    """Figure 2 (b) and (c) of the paper."""

    def __init__(self, c_in: int, c_out: int, stride: int, first_groups: int) -> None:
        super().__init__()
        middle, branch = c_out // 4, c_out - c_in if stride == 2 else c_out
        self.groups, self.stride = first_groups, stride
        self.compress = nn.Sequential(
            nn.Conv2d(c_in, middle, 1, groups=first_groups, bias=False), nn.BatchNorm2d(middle), nn.ReLU()
        )
        self.depthwise = nn.Sequential(
            nn.Conv2d(middle, middle, 3, stride, 1, groups=middle, bias=False), nn.BatchNorm2d(middle)
        )
        self.expand = nn.Sequential(nn.Conv2d(middle, branch, 1, groups=3, bias=False), nn.BatchNorm2d(branch))

    def forward(self, x: Tensor) -> Tensor:
        y = torch.channel_shuffle(self.compress(x), self.groups)
        y = self.expand(self.depthwise(y))
        if self.stride == 2:
            return torch.relu(torch.cat([nn.functional.avg_pool2d(x, 3, 2, 1), y], 1))
        return torch.relu(x + y)


def _shufflenet_v1() -> nn.Module:
    """Table 1 of the paper, three groups; the first unit's first 1x1 is not grouped (section 3.2)."""
    layers: list[nn.Module] = [nn.Conv2d(3, 24, 3, 2, 1, bias=False), nn.BatchNorm2d(24), nn.ReLU()]
    layers.append(nn.MaxPool2d(3, 2, 1))
    before = 24
    for c, repeats in ((240, 3), (480, 7), (960, 3)):
        layers.append(_ShuffleUnit(before, c, 2, 1 if before == 24 else 3))
        layers += [_ShuffleUnit(c, c, 1, 3) for _ in range(repeats)]
        before = c
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(960, 1000))


REFERENCES: dict[str, Callable[[], nn.Module]] = {
    **{
        name: getattr(tv, name)
        for name in (
            "alexnet", "convnext_tiny", "densenet121", "efficientnet_b0", "mnasnet1_0", "mobilenet_v2",
            "mobilenet_v3_large", "regnet_x_400mf", "regnet_y_400mf", "resnet18", "resnet50", "resnext50_32x4d",
            "shufflenet_v2_x0_5", "shufflenet_v2_x1_0", "squeezenet1_1", "vgg16",
        )
    },
    "googlenet": partial(tv.googlenet, **_NO_AUX),
    "inception_v3": partial(tv.inception_v3, **_NO_AUX),
    "mobilenet_v1": partial(timm.create_model, "mobilenetv1_100", act_layer=nn.ReLU),  # the paper's activation
    "xception": partial(timm.create_model, "legacy_xception"),
    "alexnet_2group": _alexnet_2group,
    "shufflenet_v1_g3": _shufflenet_v1,
    "vgg16_5x5": _vgg16_5x5,
}  # fmt: skip

# The smallest square input on which a network keeps a map of more than one position for most of its depth.
SIDES = {"alexnet": 96, "alexnet_2group": 227, "inception_v3": 107}


def side_of(name: str) -> int:
    """The input size at which tests run a network, so that they are quick."""
    return SIDES.get(name, 64)


@torch.no_grad()
def randomised(module: nn.Module, seed: int = 0) -> nn.Module:
    """``module`` in eval mode with statistics, biases and layer scales that are not those of its initialisation."""
    rng = torch.Generator().manual_seed(seed)
    for name, buffer in module.named_buffers():
        if name.endswith("running_mean"):
            buffer.normal_(0, 0.2, generator=rng)
        elif name.endswith("running_var"):
            buffer.uniform_(0.5, 1.5, generator=rng)
    for name, parameter in module.named_parameters():
        if name.endswith("layer_scale"):
            parameter.uniform_(0.2, 0.8, generator=rng)
        elif parameter.dim() == 1:
            parameter.add_(torch.empty_like(parameter).uniform_(-0.2, 0.2, generator=rng))
    return module.eval()
