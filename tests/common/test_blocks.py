"""`use_backend` and `threads`: blocks that are reused, nested, shared by tasks, and left in any order or context."""

import asyncio
import contextvars
import gc
import itertools
import threading

import numpy as np
import pytest

import convlab
from convlab import _dispatch

DEFAULT = _dispatch.active().name


def backend():
    return _dispatch.active().name


# (function that makes a block, setting inside, setting outside)
KINDS = {
    "use_backend": (convlab.use_backend, backend, ["numpy", "python", "numpy"], DEFAULT),
    "threads": (convlab.threads, convlab.get_num_threads, [3, 4, 5], convlab.get_num_threads()),
}


@pytest.fixture(params=KINDS)
def kind(request):
    make, now, values, default = KINDS[request.param]
    assert now() == default
    yield make, now, values, default
    assert now() == default


def test_calls_follow():
    with convlab.use_backend("numpy"):
        convlab.max_pool2d(np.zeros((4, 4), np.float32), 2)
    assert convlab.last_kernel() == "max_pool2d_2x2[numpy]"
    first, second = convlab.use_backend("numpy"), convlab.use_backend("python")
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    convlab.max_pool2d(np.zeros((4, 4), np.float32), 2)
    assert convlab.last_kernel() == "max_pool2d[python]"
    second.__exit__(None, None, None)
    convlab.max_pool2d(np.zeros((4, 4), np.float32), 2)
    assert f"[{DEFAULT}" in convlab.last_kernel()


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_blocks_are_left_in_any_order(kind, order):
    """The innermost open block counts."""
    make, now, values, default = kind
    blocks = [make(value) for value in values]
    for block in blocks:
        block.__enter__()
    left = list(range(3))
    for i in order:
        assert now() == values[left[-1]]
        blocks[i].__exit__(None, None, None)
        left.remove(i)
    assert now() == default


def test_a_block_is_used_again_and_inside_itself(kind):
    make, now, values, default = kind
    block = make(values[0])
    for _ in range(2):
        with block:
            with make(values[1]), block:
                assert now() == values[0]
            assert now() == values[0]
        assert now() == default


def test_an_error_inside_leaves_the_block(kind):
    make, now, values, default = kind
    block = make(values[0])
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), block:
            _ = 1 / 0
        assert now() == default


def test_a_block_decorates_a_function(kind):
    make, now, values, default = kind

    @make(values[0])
    def inside(depth=2):
        assert now() == values[0]
        return inside(depth - 1) if depth else now()

    assert inside() == inside() == values[0]
    assert now() == default


def test_leaving_what_was_not_entered_is_an_error(kind):
    make, _, values, _ = kind
    block = make(values[0])
    with pytest.raises(RuntimeError, match="got an exit of a block that was not entered"):
        block.__exit__(None, None, None)
    with block:
        pass
    with pytest.raises(RuntimeError, match="expected one exit for each entry"):
        block.__exit__(None, None, None)


def test_generators_that_take_turns(kind):
    make, now, values, default = kind

    def generate(value):
        with make(value):
            yield now()
            yield now()

    first, second = generate(values[0]), generate(values[1])
    assert (next(first), next(second)) == (values[0], values[1])
    first.close()
    assert now() == values[1]
    second.close()
    assert now() == default


def test_a_generator_that_another_thread_or_context_closes(kind):
    make, now, values, default = kind

    def generate():
        with make(values[0]):
            yield

    for close_elsewhere in (run_in_thread, contextvars.copy_context().run):
        generator = generate()
        next(generator)
        assert now() == values[0]
        close_elsewhere(generator.close)
        assert now() == default
        with make(values[1]):
            assert now() == values[1]


def run_in_thread(function):
    thread = threading.Thread(target=function)
    thread.start()
    thread.join()


def test_tasks_share_one_object(kind):
    """Each task is in its own block, in any interleaving."""
    make, now, values, default = kind
    block = make(values[0])

    async def work(steps):
        assert now() == default
        with block:
            for _ in range(steps):
                await asyncio.sleep(0)
                assert now() == values[0]
            with block:
                await asyncio.sleep(0)
            assert now() == values[0]
        await asyncio.sleep(0)
        assert now() == default

    async def main():
        await asyncio.gather(*(work(steps) for steps in (1, 5, 2, 3)))
        assert now() == default

    asyncio.run(main())


def test_a_task_keeps_the_block_that_it_was_started_in(kind):
    make, now, values, default = kind

    async def work(left):
        await left.wait()
        found = now()
        with make(values[1]):
            await asyncio.sleep(0)
        return found, now()

    async def main():
        left = asyncio.Event()
        with make(values[0]):
            task = asyncio.create_task(work(left))
            await asyncio.sleep(0)
        assert now() == default
        left.set()
        assert await task == (values[0], values[0])
        assert now() == default

    asyncio.run(main())


def test_an_asynchronous_generator_that_is_left_behind(kind):
    """The event loop closes it in another task."""
    make, now, values, default = kind

    async def generate():
        with make(values[0]):
            while True:
                yield now()

    async def main():
        async for found in generate():
            assert found == values[0]
            break
        gc.collect()
        for _ in range(3):
            await asyncio.sleep(0)
        assert now() == default

    asyncio.run(main())


def test_threads_have_blocks_of_their_own(kind):
    make, now, values, default = kind
    block, seen = make(values[0]), []
    inside, leave = threading.Barrier(3), threading.Event()

    def work():
        with block:
            inside.wait()
            leave.wait()
            seen.append(now())
        seen.append(now())

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    inside.wait()
    assert now() == default
    leave.set()
    for worker in workers:
        worker.join()
    assert sorted(map(str, seen)) == sorted(map(str, [values[0], default] * 2))
