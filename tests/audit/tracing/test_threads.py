"""Work that a forward gives to other threads is counted with it; what cannot be seen is said to be missing."""

from __future__ import annotations

import asyncio
import queue
import threading
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.pool import ThreadPool

import pytest
import torch
from torch import nn

import archlab
from archlab.audit.tracing.recording import OTHER_THREADS
from tests.audit.tracing.trap import Fn, linear

SIZES = (8, 4096)


@pytest.fixture(scope="module")
def pools():
    """Return two pools whose threads run already."""
    with ThreadPoolExecutor(2) as executor, ThreadPool(2) as pool:
        executor.submit(int).result()
        pool.apply(int)
        yield executor, pool


def in_a_thread(function, *args):
    found = []
    thread = threading.Thread(target=lambda: found.append(function(*args)))
    thread.start()
    thread.join()
    return found[0]


async def in_the_loops_pool(function, *args):
    return await asyncio.to_thread(function, *args)


WAYS = {
    "submit": lambda executor, pool, function, x: executor.submit(function, x).result(),
    "map": lambda executor, pool, function, x: next(executor.map(function, [x])),
    "apply": lambda executor, pool, function, x: pool.apply(function, (x,)),
    "pool map": lambda executor, pool, function, x: pool.map(function, [x])[0],
    "imap": lambda executor, pool, function, x: next(pool.imap(function, [x])),
    "starmap": lambda executor, pool, function, x: pool.starmap(function, [(x,)])[0],
    "thread": lambda executor, pool, function, x: in_a_thread(function, x),
    "asyncio": lambda executor, pool, function, x: asyncio.run(in_the_loops_pool(function, x)),
}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("way", WAYS)
def test_what_is_given_to_pools_of_before_and_to_threads_is_counted(way, size, pools):
    def forward(self, x):
        y = WAYS[way](*pools, self.layer, x)
        return WAYS[way](*pools, lambda y: y @ self.weight, y)

    model = Fn(forward, layer=linear(size, size), weight=nn.Parameter(torch.empty(size, 16)))
    audit = archlab.audit(model, torch.empty(2, size))
    assert (audit.macs, audit.notes, audit.device) == (2 * size * (size + 16), (), "meta")
    assert [(o.module, o.macs) for o in audit.operators if o.macs] == [("layer", 2 * size**2), ("", 32 * size)]


def test_a_pool_that_the_forward_makes_and_several_threads_at_once():
    def forward(self, x):
        with ThreadPoolExecutor(4) as pool:
            return sum(pool.map(lambda layer: layer(x), self.layers))

    audit = archlab.audit(Fn(forward, layers=nn.ModuleList(linear(64, 64) for _ in range(16))), torch.ones(2, 64))
    assert (audit.macs, audit.notes) == (16 * 2 * 64 * 64, ())
    assert {m.path: m.macs for m in audit.modules if m.path.startswith("layers.")} == {
        f"layers.{i}": 2 * 64 * 64 for i in range(16)
    }


def test_a_backward_pass_follows_them_too(pools):
    executor, _ = pools
    audit = archlab.audit(
        Fn(lambda self, x: executor.submit(self.layer, x).result(), layer=linear(8, 8)), torch.ones(2, 8), backward=True
    )
    assert (audit.macs, audit.backward.macs) == (2 * 64, 2 * 64)
    assert executor.submit(torch.is_grad_enabled).result(), "the pool's threads are as they were"


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("what", ["module", "function", "function at the end"])
def test_what_a_worker_takes_from_a_queue_of_its_own_is_said_to_be_missing(size, what):
    asked, done = queue.SimpleQueue(), queue.SimpleQueue()

    def work():
        while (task := asked.get()) is not None:
            done.put(task[0](task[1]))

    def forward(self, x):
        asked.put((self.layer if what == "module" else lambda y: y @ self.layer.weight, x))
        return done.get() + (0 if what != "function at the end" else self.layer.weight[0])

    worker = threading.Thread(target=work)
    worker.start()
    try:
        audit = archlab.audit(Fn(forward, layer=linear(size, size)), torch.ones(2, size))
        alone = archlab.audit(Fn(lambda self, x: self.layer(x), layer=linear(size, size)), torch.ones(2, size))
    finally:
        asked.put(None)
        worker.join()
    assert audit.notes == (OTHER_THREADS,)
    assert (alone.notes, alone.macs) == ((), 2 * size**2)
