"""What is reached from a model is put back after a forward, however deep; what cannot be is named."""

from __future__ import annotations

import array
import collections
import dataclasses
import functools
import io
import itertools
import random
import threading
import types

import numpy as np
import pytest
import torch
from torch import nn

import archlab
from tests.audit.tracing.traps import Fn


class Slotted:
    __slots__ = ("__hidden", "count", "items")

    def __init__(self):
        self.count, self.items, self.__hidden = 0, [1], 0

    def change(self):
        self.count += 1
        self.items.append(2)
        self.__hidden += 1

    def state(self):
        return self.count, self.items, self.__hidden


class Derived(Slotted):
    __slots__ = ("late",)

    def change(self):
        super().change()
        self.late = 1

    def state(self):
        return *super().state(), hasattr(self, "late")


@dataclasses.dataclass(frozen=True, slots=True)
class Frozen:
    count: int = 0

    def change(self):
        object.__setattr__(self, "count", self.count + 1)


class Called:
    hits = 0

    def __init__(self):
        self.calls = 0

    def __call__(self):
        self.calls += 1
        type(self).hits += 1


class Titled(list):
    pass


class Helper(nn.Module):
    def __init__(self):
        super().__init__()
        self.calls = 0
        self.register_buffer("seen", torch.zeros(2))

    def forward(self, x):
        self.calls += 1
        self.seen += 1
        self.last = x
        return x


def counter():
    count = 0

    def up():
        nonlocal count
        count += 1

    return up, lambda: count


def _objects():
    up, read = counter()
    titled = Titled([1])
    return types.SimpleNamespace(
        slotted=Slotted(), derived=Derived(), frozen=Frozen(), called=Called(), up=up, read=read, titled=titled,
        deep={"a": [[[[[[{"b": [1]}]]]]]]}, ordered=collections.OrderedDict(a=1, b=2), tally=collections.Counter("ab"),
        python=random.Random(0), numbers=np.random.default_rng(0), old=np.random.RandomState(0),
        torch=torch.Generator().manual_seed(0), file=io.BytesIO(b"abc"), array=array.array("i", [1]),
        helper=Helper(), local=threading.local(), partial=functools.partial(print, [1]), inside=([1],),
        objects=np.array([[1], None], dtype=object), kept=torch.zeros(3), resized=torch.zeros(3),
    )  # fmt: skip


def change(o, x):
    for each in (o.slotted, o.derived, o.frozen):
        each.change()
    o.called()
    o.up()
    o.titled.append(2)
    o.titled.title = "new"
    o.deep["a"][0][0][0][0][0][0]["b"].append(2)
    o.ordered.move_to_end("a")
    o.tally["a"] += 1
    o.python.random(), o.numbers.random(), o.old.rand(), torch.rand(2, generator=o.torch)
    o.file.write(b"xyzw")
    o.array.append(2)
    o.helper(x)
    o.local.value = 1
    o.partial.args[0].append(2)
    o.inside[0].append(2)
    o.objects[0].append(2)
    o.kept += 1
    o.kept.note = 1
    o.resized.resize_(7).fill_(1)


def read(o):
    return {
        "slots": (o.slotted.state(), o.derived.state(), o.frozen.count),
        "called": (o.called.calls, Called.hits, o.read()),
        "containers": (o.titled, vars(o.titled), o.deep, list(o.ordered), o.tally, o.array, o.inside, o.partial.args),
        "generators": (o.python.getstate(), o.numbers.bit_generator.state, o.torch.get_state().tolist()),
        "old": o.old.get_state()[1:],
        "file": (o.file.tell(), o.file.getvalue()),
        "helper": (o.helper.calls, o.helper.seen.tolist(), hasattr(o.helper, "last")),
        "local": vars(o.local),
        "objects": o.objects.tolist(),
        "tensors": (o.kept.tolist(), vars(o.kept), o.resized.tolist()),
    }


@pytest.mark.parametrize("size", [2, 4096])
def test_whatever_is_reached_is_put_back(size):
    def forward(self, x):
        change(self.objects, x)
        return self.layer(x)

    model = Fn(forward, layer=nn.Linear(8, 8), objects=_objects())
    before = {name: repr(value) for name, value in read(model.objects).items()}
    audit = archlab.audit(model, torch.ones(size, 8))
    assert {name: repr(value) for name, value in read(model.objects).items()} == before
    assert (audit.notes, audit.device) == ((), "meta")
    change(model.objects, torch.ones(1))
    assert all(repr(value) != before[name] for name, value in read(model.objects).items()), "each was changed"


def test_what_cannot_be_put_back_is_named():
    def forward(self, x):
        next(self.numbers)
        next(self.made)
        next(self.listed)
        return self.layer(x)

    model = Fn(
        forward,
        layer=nn.Linear(8, 8),
        numbers=itertools.count(),
        made=(i for i in range(3)),
        listed=iter([1, 2, 3]),
        untouched=itertools.count(),
    )
    notes = archlab.audit(model, torch.ones(2, 8)).notes
    assert notes == tuple(
        f"The forward changed {name}, which could not be put back." for name in ("numbers", "made", "listed")
    )


def test_numbers_that_a_forward_for_real_changes_behind_everyones_back_are_named():
    library = torch.library.Library("kept_state_test", "FRAGMENT")
    library.define("bump(Tensor x) -> ()")
    library.impl("bump", lambda x: x.view(-1).__setitem__(0, 7.0), "CPU")

    def forward(self, x):
        if float(self.layer(x).sum()) < 1e30:
            torch.ops.kept_state_test.bump(self.layer.weight)
        return x

    audit = archlab.audit(Fn(forward, layer=nn.Linear(8, 8)), torch.ones(2, 8))
    assert audit.device == "real"
    assert audit.notes == ("The forward changed layer.weight, which could not be put back.",)


def test_attributes_of_parameters_and_a_modules_class():
    class Other(nn.Linear):
        pass

    def forward(self, x):
        self.layer.weight.tag.append(2)
        self.layer.weight.other = 1
        self.layer.register_forward_hook(lambda *_: None)
        return self.layer(x)

    model = Fn(forward, layer=Other(8, 8))
    model.layer.weight.tag = [1]
    archlab.audit(model, torch.ones(2, 8))
    assert vars(model.layer.weight) == {"tag": [1]}
    assert not model.layer._forward_hooks


def test_a_module_that_is_given_is_left():
    def forward(self, x, given):
        given.seen = x
        return given(x)

    given = nn.BatchNorm1d(8)
    archlab.audit(Fn(forward), torch.ones(2, 8), given)
    assert not hasattr(given, "seen")


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
def test_attributes_of_a_script_are_put_back():
    class Counting(nn.Module):
        def __init__(self):
            super().__init__()
            self.names = torch.jit.Attribute([1], list[int])
            self.count, self.sum = 0, torch.zeros(2)

        def forward(self, x):
            self.count += 1
            self.names.append(2)
            self.sum = self.sum + 1
            return x + self.sum

    script = torch.jit.script(Counting())
    archlab.audit(script, torch.ones(2))
    assert (script.count, script.names, script.sum.tolist()) == (0, [1], [0, 0])


@functools.lru_cache
def mask(size):
    return torch.ones(size, size)


@functools.lru_cache
def word(size):
    return str(size)


MASKS: dict[int, torch.Tensor] = {}
REGISTERED: list[str] = []


class Caching(nn.Module):
    def forward(self, x):
        if x.shape[0] not in MASKS:
            MASKS[x.shape[0]] = mask(x.shape[0])
        REGISTERED.append(word(x.shape[0]))
        return x * MASKS[x.shape[0]]


def test_no_tensor_without_data_stays_in_a_cache_outside_of_the_model():
    x = torch.ones(600, 600)
    archlab.audit(Caching(), x)
    assert (mask.cache_info().currsize, MASKS) == (0, {})
    assert (word.cache_info().currsize, REGISTERED) == (1, ["600"]), "others are left: they may be registrations"
    assert torch.equal(Caching()(x), x)
