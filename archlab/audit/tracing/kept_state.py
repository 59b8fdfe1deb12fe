"""All that a forward may change about a model: what is reached from it is kept before, put back and compared after.

Reached are the attributes of modules and of the objects in them, however deep: containers, arrays, slots, closures,
generators of random numbers, the classes of users. Not entered are threads, locks and pools, which go on meanwhile.
"""

from __future__ import annotations

import functools
import re
import sys
import threading
import types
from collections import OrderedDict, deque
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from archlab.audit.tracing.keeper_of import checksum, keeper_of, keeper_of_tensor, slots_of, values_in
from archlab.audit.tracing.keepers import Keeper, KeptAttributes, KeptDict, KeptReading

_PLAIN = frozenset(
    {str, bytes, int, float, complex, bool, type(None), type(...), torch.dtype, torch.device, torch.Size, slice, range}
)
_GO_ON = frozenset({"_thread", "threading", "concurrent", "multiprocessing", "asyncio", "logging", "subprocess"})
"""Packages whose objects live on while a forward runs: to put them back would break them."""
_REGISTERED = ("_parameters", "_buffers", "_modules")
_NOT_USERS = sys.stdlib_module_names | {"torch", "numpy", "builtins", "archlab"}
_SCRIPT_ATTRIBUTE = re.compile(r"^    (\w+) = ", re.MULTILINE)
_PLAIN_TENSORS = (Tensor, nn.Parameter, nn.Buffer)
_CODE = (types.FunctionType, types.MethodType, functools.partial)


class KeptState:
    """What objects were, in the order in which they were reached."""

    def __init__(self) -> None:
        self._seen: dict[int, Any] = {}
        self._empty: list[tuple[str, Any]] = []
        self._kept: list[tuple[str, Keeper]] = []
        self._classes: set[type] = set()
        self.tensors: list[Tensor] = []
        """Tensors that are neither parameters nor buffers."""

    def keep_model(self, model: nn.Module, path: str = "") -> None:
        """Keep every module of a model, registered or held in some other way."""
        for name, module in list(model.named_modules()):
            if id(module) in self._seen and name:
                continue
            self._seen[id(module)] = module
            if isinstance(module, torch.jit.ScriptModule):
                self._kept.append((_dot(path, name), _kept_script(module)))
            else:
                self._keep_module(_dot(path, name), module)

    def keep_values(self, model: nn.Module) -> None:
        """Remember the numbers of a model's parameters and buffers, to tell afterwards whether they are the same."""
        for path, tensor in (*model.named_parameters(), *model.named_buffers()):
            if type(tensor) in _PLAIN_TENSORS and tensor.layout is torch.strided and not tensor.is_quantized:
                read = functools.partial(checksum, tensor)
                self._kept.append((path, KeptReading(read, None, read())))

    def _keep_module(self, path: str, module: nn.Module) -> None:
        """Keep a module's attributes, most of which are empty dictionaries of hooks, and what is in them."""
        held = module.__dict__
        self._kept.append((path, KeptDict(held, dict(held))))
        for name, item in held.items():
            kind = type(item)
            if kind in _PLAIN:
                continue
            if (kind is dict or kind is OrderedDict) and not item:
                self._empty.append((path, item))
            elif name in _REGISTERED and kind is dict:
                self._kept.append((path, KeptDict(item, dict(item))))
                for key, value in item.items():
                    if value is not None and id(value) not in self._seen:
                        self._keep_tensor(_dot(path, key), value)
            else:
                self.keep(item, _dot(path, name))
        if type(module) not in self._classes:
            self.keep(type(module), "")

    def _keep_tensor(self, path: str, value: Any) -> None:
        """Keep a parameter or a buffer, most of which have no attributes of their own."""
        keeper = keeper_of_tensor(value) if type(value) in _PLAIN_TENSORS else None
        if keeper is None or value.__dict__:
            self.keep(value, path)
            return
        self._seen[id(value)] = value
        self._empty.append((path, value.__dict__))
        self._kept.append((path, keeper))

    def keep(self, value: Any, path: str) -> None:
        """Keep an object and what is reached from it; ``path`` is how a reader finds it."""
        waiting = deque([(path, value)])
        while waiting:
            where, item = waiting.popleft()
            if type(item) in _PLAIN or id(item) in self._seen:
                continue
            self._seen[id(item)] = item
            try:
                waiting.extend(self._keep_one(where, item))
            except (Exception, SystemExit):  # anybody's object: one that cannot be read cannot be kept
                continue

    def _keep_one(self, path: str, value: Any) -> Iterable[tuple[str, Any]]:
        """Keep one object; return what is in it."""
        if isinstance(value, dict | list | set | deque) and not value:
            self._empty.append((path, value))
            return _attributes(path, value)
        if isinstance(value, nn.Module):
            self.keep_model(value, path)
            return ()
        if isinstance(value, type | types.ModuleType | types.BuiltinFunctionType):
            return self._keep_class(value) if isinstance(value, type) else ()
        if type(value).__module__.partition(".")[0] in _GO_ON and not isinstance(value, threading.local):
            return ()
        keeper = keeper_of(value)
        if keeper is not None:
            self._kept.append((path, keeper))
        if isinstance(value, Tensor):
            self.tensors.append(value)
        slots = None if isinstance(value, Tensor) else slots_of(value)
        if slots is not None:
            self._kept.append((path, slots))
        inside = [*_items(path, value), *_attributes(path, value)]
        if slots is not None:
            inside += ((path, item) for item in values_in(slots))
        return [*inside, ("", type(value))]

    def _keep_class(self, kind: type) -> Iterable[tuple[str, Any]]:
        """Keep the attributes of a user's class, and of those that it is derived from."""
        inside: list[tuple[str, Any]] = []
        for base in kind.__mro__:
            if base in self._classes or base.__module__.partition(".")[0] in _NOT_USERS:
                continue
            self._classes.add(base)
            place = base.__qualname__
            self._kept.append((place, _kept_class(base)))
            inside += ((_dot(place, name), value) for name, value in vars(base).items() if not name.startswith("__"))
        return [pair for pair in inside if not isinstance(pair[1], type)]

    def restore(self) -> tuple[str, ...]:
        """Put back what is no longer the same; return the paths of what could not be."""
        left: list[str] = []
        for path, empty in self._empty:
            if empty:
                empty.clear()
            if empty:
                left.append(path)
        changed: list[tuple[str, Keeper]] = []
        for path, keeper in self._kept:
            try:
                if keeper.restore():
                    changed.append((path, keeper))
            except Exception:  # some are frozen, or refuse what they had
                left.append(path)
        left += [path for path, keeper in changed if not _is_restored(keeper)]
        return tuple(dict.fromkeys(path or "the model itself" for path in left))


def _is_restored(keeper: Keeper) -> bool:
    try:
        return keeper.is_restored()
    except Exception:  # what cannot be compared cannot be said to be the same
        return False


def _items(path: str, value: Any) -> Iterable[tuple[str, Any]]:
    if isinstance(value, Mapping):
        if isinstance(value, dict):
            return ((f"{path}[{key!r}]" if isinstance(key, str) else path, item) for key, item in value.items())
        return ()
    if isinstance(value, list | tuple | deque):
        return ((f"{path}[{i}]", item) for i, item in enumerate(value) if type(item) not in _PLAIN)
    if isinstance(value, set | frozenset):
        return ((path, item) for item in value if type(item) not in _PLAIN)
    if isinstance(value, np.ndarray) and value.dtype.hasobject:
        return ((path, item) for item in value.flat)
    if isinstance(value, types.CellType):
        return ((path, value.cell_contents),)
    if isinstance(value, _CODE):
        return _in_code(path, value)
    return ()


def _in_code(path: str, value: Any) -> Iterable[tuple[str, Any]]:
    """Yield what a function holds: its defaults, and the variables of functions around it."""
    if isinstance(value, functools.partial):
        return ((path, value.func), (path, value.args), (path, value.keywords))
    if isinstance(value, types.MethodType):
        return ((path, value.__self__), (path, value.__func__))
    named = zip(value.__code__.co_freevars, value.__closure__ or (), strict=True)
    return [
        *((_dot(path, name), cell) for name, cell in named),
        (path, value.__defaults__),
        (path, value.__kwdefaults__),
    ]


def _attributes(path: str, value: Any) -> Iterable[tuple[str, Any]]:
    """Yield the dictionary of an object's attributes, and under their own paths what they hold."""
    try:
        # Those of a thread are not where others have theirs.
        held = value.__dict__ if isinstance(value, threading.local) else object.__getattribute__(value, "__dict__")
    except AttributeError:
        return ()
    if not isinstance(held, dict):
        return ()
    return [*((_dot(path, name), item) for name, item in held.items() if type(item) not in _PLAIN), (path, held)]


def _dot(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _kept_class(kind: type) -> KeptAttributes:
    def read() -> dict[str, Any]:
        return dict(vars(kind))

    return KeptAttributes(read, functools.partial(setattr, kind), functools.partial(delattr, kind), read())


def _kept_script(module: torch.jit.ScriptModule) -> KeptAttributes:
    """Return the keeper of a scripted module's own attributes, which its code may set."""
    text = module._c.dump_to_str(False, True, False).partition("attributes {")[2].partition("\n  }")[0]
    names = [name for name in _SCRIPT_ATTRIBUTE.findall(text) if not isinstance(getattr(module, name, None), nn.Module)]

    def read() -> dict[str, Any]:
        return {name: getattr(module, name) for name in names if hasattr(module, name)}

    return KeptAttributes(read, functools.partial(setattr, module), functools.partial(delattr, module), read())
