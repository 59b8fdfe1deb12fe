"""Settings out of range are refused by name; the rate, the augmentation and the devices are what they say."""

from __future__ import annotations

import math

import pytest
import torch
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as tv

from archlab.errors import InputError
from archlab.train import TrainSettings
from archlab.train.augment import AUGMENTATIONS, augment, colour, crop, flip
from archlab.train.devices import choose_device, choose_precision
from archlab.train.schedule import rate_factor

PIXELS = torch.randint(0, 256, (6, 3, 16, 24), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"epochs": 1, "steps": 1}, "as long as one of epochs and steps says, not both"),
        ({"batch": 0}, "batch is 0, and must be from 1"),
        ({"rate": -1.0}, "rate is -1"),
        ({"rate": math.nan}, "rate is nan"),
        ({"ema": 1.0}, "ema is 1"),
        ({"device": "tpu"}, "device is 'tpu', which is none of its values"),
        ({"augment": ("flop",)}, "there is no augmentation 'flop'"),
    ],
)
def test_a_setting_out_of_range_is_refused(given, said):
    with pytest.raises(InputError) as caught:
        TrainSettings(**given)
    assert said in caught.value.message


def test_the_length_in_steps():
    assert TrainSettings().total_steps(7) == 70
    assert TrainSettings(epochs=0.5).total_steps(7) == 4
    assert TrainSettings(steps=3).total_steps(7) == 3
    assert TrainSettings(seconds=3).total_steps(7) is None


def test_the_cosine_is_torch_s():
    optimiser = torch.optim.SGD([torch.zeros(1)], lr=1.0)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, 20)
    for step in range(20):
        assert rate_factor(step / 20, 0) == pytest.approx(schedule.get_last_lr()[0])
        optimiser.step()
        schedule.step()


def test_the_warm_up_is_a_line_and_the_cosine_follows():
    assert [rate_factor(done, 0.5) for done in (0.125, 0.25, 0.5, 0.75, 1, 1.5)] == pytest.approx(
        [0.25, 0.5, 1, 0.5, 0, 0]
    )
    assert rate_factor(0.5, 1) == 0.5


def test_flips_are_torchvision_s_on_some_images():
    torch.manual_seed(0)
    flipped = flip(PIXELS)
    mirrored = tv.horizontal_flip(PIXELS)
    changed = [not torch.equal(one, other) for one, other in zip(flipped, PIXELS, strict=True)]
    assert 0 < sum(changed) < len(PIXELS)
    for i, is_changed in enumerate(changed):
        assert torch.equal(flipped[i], (mirrored if is_changed else PIXELS)[i])


def test_crops_are_windows_of_the_padded_image():
    torch.manual_seed(0)
    padded = tv.pad(PIXELS, [3, 2])  # an eighth of 24 and of 16
    windows = padded.unfold(2, 16, 1).unfold(3, 24, 1)
    found = set()
    for image, rows in zip(crop(PIXELS), windows, strict=True):
        places = [(y, x) for y in range(5) for x in range(7) if torch.equal(rows[:, y, x], image)]
        assert len(places) == 1
        found.update(places)
    assert len(found) > 3


def test_colour_is_torchvision_s_with_the_same_factors():
    torch.manual_seed(3)
    changed = colour(PIXELS.float())
    torch.manual_seed(3)
    factors = (1 + 0.3 * (2 * torch.rand(3, 6, 1, 1, 1) - 1)).view(3, 6)
    for i, image in enumerate(PIXELS.float() / 255):
        expected = image * factors[0, i]
        mean = tv.rgb_to_grayscale(expected).mean()
        expected = mean + factors[1, i] * (expected - mean)
        grey = tv.rgb_to_grayscale(expected)
        expected = (grey + factors[2, i] * (expected - grey)).clamp(0, 1)
        torch.testing.assert_close(changed[i] / 255, expected, atol=1e-3, rtol=0)


def test_randaugment_is_torchvision_s_image_by_image():
    torch.manual_seed(1)
    changed = augment(PIXELS, ("randaugment",))
    torch.manual_seed(1)
    change = v2.RandAugment()
    assert torch.equal(changed, torch.stack([change(image) for image in PIXELS]))
    with pytest.raises(InputError, match="eight bits, and some of these have sixteen"):
        augment(PIXELS.float(), ("randaugment",))


@pytest.mark.parametrize("name", list(AUGMENTATIONS))
@pytest.mark.parametrize("channels", [1, 3])
def test_what_goes_in_comes_out(name, channels):
    changed = augment(PIXELS[:, :channels], (name,))
    assert (changed.shape, changed.dtype) == ((6, channels, 16, 24), torch.uint8)


def test_the_order_is_the_table_s():
    torch.manual_seed(0)
    one = augment(PIXELS, ("crop", "flip"))
    torch.manual_seed(0)
    assert torch.equal(one, augment(PIXELS, ("flip", "crop")))


@pytest.mark.skipif(torch.cuda.is_available() or torch.backends.mps.is_available(), reason="there is a GPU")
def test_without_a_gpu_the_cpu_is_taken_and_others_refused():
    cpu = choose_device("auto")
    assert cpu == torch.device("cpu")
    assert choose_precision("auto", cpu) == torch.float32
    assert choose_precision("bfloat16", cpu) == torch.bfloat16
    with pytest.raises(InputError, match="finds no device cuda on this machine") as caught:
        choose_device("cuda")
    assert caught.value.hint == "--device cpu, or auto"
    with pytest.raises(InputError, match="float16 is for CUDA"):
        choose_precision("float16", cpu)
