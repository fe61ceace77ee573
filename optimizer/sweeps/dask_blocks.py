"""Blocks of a sweep on Dask workers: on a scheduler's, or on processes of this machine.

A worker is given the plan once and then numbers of blocks. It computes a block on one thread, as many blocks at a time
as Dask gives it threads. A block whose worker is lost is given to another by the scheduler; here every block arrives
once, and is committed by the one process that holds the folder. Workers must run what the client runs: versions of
packages and the digest of the kernels' sources are compared, because a block must have the same bits wherever it is
made.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

from tiercap.optimizer.errors import InputError, StorageError
from tiercap.optimizer.io.units import printable
from tiercap.optimizer.sweeps.plan import Block, BlockEvaluator, Plan, identity

#: Seconds within which a scheduler must answer and a first worker be there.
TIMEOUT = 8
#: Seconds without any worker after which a sweep is given up.
ALONE = 60
#: Blocks given out for each thread of the workers: one under way and one waiting.
AHEAD = 2
MAX_WORKERS = 1024

_LOCAL = re.compile(r"local:([0-9]{1,6})", re.ASCII)
_ADDRESS = re.compile(r"(?:[a-z]{2,10}://)?[A-Za-z0-9._\[\]:-]{1,255}:[0-9]{1,5}", re.ASCII)
_HELP = "give a scheduler's address, such as tcp://10.0.0.5:8786, or local:N"


def check(where: str) -> None:
    """Refuse what is neither an address nor a number of workers, or where Dask is missing."""
    local = _LOCAL.fullmatch(where)
    if local and not 1 <= int(local[1]) <= MAX_WORKERS:
        raise InputError(f"--dask {where}: between 1 and {MAX_WORKERS} worker processes")
    if not local and (where.startswith("local") or not _ADDRESS.fullmatch(where)):
        raise InputError(f"--dask `{printable(where)}`: {_HELP}")
    _distributed()


def _distributed() -> Any:
    """Dask's package, told to keep its log to itself."""
    try:
        import dask.config

        dask.config.set({"logging.distributed": "critical"})
        import distributed
    except ImportError:
        raise InputError("--dask needs Dask: install tiercap with the extra [dask]") from None
    for name in ("distributed", "tornado", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    return distributed


def blocks(client: Any, plan: Plan, name: str, numbers: Sequence[int]) -> Iterator[tuple[int, str, Block]]:
    """Blocks as they are finished, each once, with its number and the address of the worker.

    client : from :func:`connected`; name : what tells this plan from others
    """
    plugin = f"tiercap-{name}"
    client.register_plugin(_plan_holder(plan), name=plugin)
    try:
        with client.as_current():
            yield from _finished(client, plugin, list(numbers))
    finally:
        with suppress(Exception):  # the scheduler may be gone
            client.unregister_worker_plugin(plugin)


@contextmanager
def connected(where: str) -> Iterator[Any]:
    """A client of the scheduler at an address, or of one made here with its workers; all of them compute like us."""
    distributed = _distributed()
    local = _LOCAL.fullmatch(where)
    if local:
        options = {"threads_per_worker": 1, "host": "127.0.0.1", "dashboard_address": "127.0.0.1:0", "memory_limit": 0}
        with (
            distributed.LocalCluster(int(local[1]), silence_logs=logging.CRITICAL, **options) as cluster,
            distributed.Client(cluster, set_as_default=False) as client,
        ):
            _check_workers(client)
            try:
                yield client
            except BaseException:  # an interrupt must not wait for the blocks under way
                cluster.sync(_end, cluster)
                raise
        return
    start = time.monotonic()
    _ask(where)
    left = max(1.0, TIMEOUT - (time.monotonic() - start))
    with distributed.Client(where, timeout=left, set_as_default=False) as client:
        try:
            client.wait_for_workers(1, timeout=left)
        except TimeoutError:
            raise InputError(f"--dask {printable(where)}: the scheduler has no workers: start some first") from None
        _check_workers(client)
        yield client


async def _end(cluster: Any) -> None:
    """End the worker processes of this machine."""
    await asyncio.gather(*(nanny.kill(timeout=0.1) for nanny in cluster.workers.values()), return_exceptions=True)


def _ask(where: str) -> None:
    """Refuse an address where no scheduler answers. A client would take anything for one and wait at its end too."""
    distributed = _distributed()

    async def answer() -> Any:
        security = distributed.Security().get_connection_args("client")
        async with distributed.rpc(where, timeout=TIMEOUT, connection_args=security) as scheduler:
            return await asyncio.wait_for(scheduler.identity(), TIMEOUT)

    try:
        with ThreadPoolExecutor(1) as pool:  # the caller, a notebook say, may have an event loop of its own
            found = pool.submit(lambda: asyncio.run(answer())).result()
    except Exception:  # noqa: BLE001 - what listens there may answer anything, and Dask then fails in any way
        found = {}
    if found.get("type") != "Scheduler":
        raise InputError(f"--dask {printable(where)}: no Dask scheduler answers there within {TIMEOUT} s: {_HELP}")


def _check_workers(client: Any) -> None:
    """Refuse workers that compute with something else."""
    try:
        found = client.run(identity)
    except ImportError:
        raise InputError("a Dask worker cannot import tiercap: install the same version for the workers") from None
    mine = identity()
    for worker, theirs in sorted(found.items()):
        _compare(worker, mine, theirs)


def _compare(worker: str, mine: dict[str, str], theirs: dict[str, str]) -> None:
    for key, value in mine.items():
        if theirs.get(key) != value:
            here, there = (text[:12] if key == "kernel_sources" else text for text in (value, str(theirs.get(key))))
            what = "the kernels' sources" if key == "kernel_sources" else key
            raise InputError(
                f"Dask worker {printable(worker)} has {what} {printable(there)} and this process {here}: their bits "
                "could differ; install the same versions on both"
            )


def _plan_holder(plan: Plan) -> Any:
    """What carries the plan to every worker there is and to any that joins."""
    base: Any = _distributed().WorkerPlugin

    class PlanHolder(base):  # type: ignore[misc]
        """A plan on a worker, and what computes there."""

        plan: Plan
        here: dict[str, str]

        def setup(self, worker: Any) -> None:
            del worker
            self.here = identity()

    holder = PlanHolder()
    holder.plan, holder.wanted = plan, identity()
    return holder


def _compute(plugin: str, number: int) -> tuple[dict[str, str], str, Block | None]:
    """On a worker: who computed, where, and the block; none where the worker is another than it should be."""
    from distributed import get_worker

    worker: Any = get_worker()
    holder = worker.plugins[plugin]
    same = holder.here == holder.wanted
    block = BlockEvaluator(holder.plan, threads=1).block(number) if same else None
    return holder.here, worker.address, block


def _finished(client: Any, plugin: str, numbers: list[int]) -> Iterator[tuple[int, str, Block]]:
    """Keeps every thread of the workers busy, and no more blocks in memory than that takes."""
    distributed = _distributed()
    waiting, mine = list(reversed(numbers)), identity()
    under_way: dict[Any, int] = {}
    alone_since: float | None = None
    while waiting or under_way:
        workers = client.scheduler_info(n_workers=-1)["workers"]
        threads = sum(worker["nthreads"] for worker in workers.values())
        while waiting and len(under_way) < max(1, AHEAD * threads):
            number = waiting.pop()
            future = client.submit(_compute, plugin, number, key=f"{plugin}-{number}", pure=False)
            under_way[future] = number
        alone_since = None if workers else alone_since or time.monotonic()
        if alone_since is not None and time.monotonic() - alone_since > ALONE:
            raise StorageError(f"no Dask worker for {ALONE} s; finished blocks are safe; start workers and go on")
        try:
            done = distributed.wait(list(under_way), timeout=2, return_when="FIRST_COMPLETED").done
        except TimeoutError:
            continue
        for future in done:
            number = under_way.pop(future)
            yield number, *_result(future, number, mine)
            future.release()


def _result(future: Any, number: int, mine: dict[str, str]) -> tuple[str, Block]:
    distributed = _distributed()
    if future.status in ("cancelled", "lost"):
        raise StorageError("the Dask scheduler is gone; finished blocks are safe; start it and go on")
    try:
        theirs, worker, block = future.result()
    except distributed.KilledWorker:
        raise StorageError(
            f"block {number} ended every worker that it was given to; finished blocks are safe; the workers may have "
            "too little memory"
        ) from None
    _compare(worker, mine, theirs)
    assert block is not None  # a worker like this one has computed it
    return worker, Block(*block)
