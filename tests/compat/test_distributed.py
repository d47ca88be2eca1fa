"""Dask: a scheduler, its workers in processes of their own and its clients, on loops of one kind."""

import signal

import pytest

pytestmark = pytest.mark.slow

# The workers' processes run the head too, before all else, and so get their loops from it.
HEADS = {"asyncio": "", "cafeloop": "import cafeloop; cafeloop.install()\n"}

PROGRAM = """
import asyncio
import os
import signal
from distributed import Client, LocalCluster, Security

CLUSTER = dict(
    n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address=None
)

def loop_module(dask_worker):
    return type(dask_worker.loop.asyncio_loop).__module__.partition(".")[0]

def square(number):
    return number * number

def show_loops(modules):
    print(len(modules), *sorted(set(modules.values())))

{body}

if __name__ == "__main__":
    main()
"""

# A program in the shape of a coroutine.
ASYNCHRONOUS = """
async def work():
    async with LocalCluster(asynchronous=True, **CLUSTER, **{options}) as cluster:
        async with Client(cluster, asynchronous=True) as client:
            {body}
    print("left:", len(asyncio.all_tasks()) - 1)

def main():
    asyncio.run(work())
"""


@pytest.fixture
def serve(start_program, loop_name, tmp_path):
    """Runs what a client does to its end, and returns what it printed."""

    def serve(body):
        (tmp_path / "cafe.py").write_text(HEADS[loop_name] + PROGRAM.replace("{body}", body))
        status, printed = start_program("cafe.py").end()
        assert status == 0
        return printed.splitlines()

    return serve


def asynchronous(body, options="{}"):
    return ASYNCHRONOUS.replace("{options}", options).replace(
        "{body}", body.strip().replace("\n", "\n            ")
    )


def test_work_is_done_by_workers_with_such_loops(serve, loop_name):
    assert serve(asynchronous("""
show_loops(await client.run(loop_module))
print(sum(await client.gather(client.map(square, range(100)))))
""")) == [f"2 {loop_name}", f"{sum(n * n for n in range(100))}", "left: 0"]


def test_a_client_that_is_not_asynchronous_has_its_loop_in_a_thread(serve, loop_name):
    assert serve("""
def main():
    with LocalCluster(**CLUSTER) as cluster, Client(cluster) as client:
        print(type(client.loop.asyncio_loop).__module__.partition(".")[0])
        show_loops(client.run(loop_module))
        print(client.submit(square, 12).result())
""") == [loop_name, f"2 {loop_name}", "144"]


def test_large_data_go_there_and_back(serve):
    assert serve(asynchronous("""
data = os.urandom(20_000_000)
(there,) = await client.scatter([data], broadcast=True)
print(await client.submit(len, there))
print(await there == data)
""")) == ["20000000", "True", "left: 0"]


def test_a_worker_that_died_is_replaced(serve, loop_name):
    assert serve(asynchronous("""
nanny = cluster.workers[0]
died = nanny.pid
os.kill(died, signal.SIGKILL)
while nanny.pid in (died, None):
    await asyncio.sleep(0)
await client.wait_for_workers(2)
show_loops(await client.run(loop_module))
print(await client.submit(square, 12))
""")) == [f"2 {loop_name}", "144", "left: 0"]


def test_work_that_nobody_can_do_is_cancelled_and_forgotten(serve):
    assert serve(asynchronous("""
waiting = client.submit(square, 1, resources={"milk": 1})
after = client.submit(square, waiting)
print(waiting.status, after.status)
await client.cancel([waiting, after])
print(waiting.status, after.status)
print(await client.submit(square, 12))
""")) == ["pending pending", "cancelled cancelled", "144", "left: 0"]


def test_tls(serve, loop_name):
    assert serve(asynchronous("""
print(client.scheduler.address.partition(":")[0])
show_loops(await client.run(loop_module))
print(await client.submit(square, 12))
""", options="{'security': Security.temporary()}")) == ["tls", f"2 {loop_name}", "144", "left: 0"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_scheduler(start_program, launcher, number):
    program = start_program(
        *launcher, "distributed.cli.dask_scheduler", "--port=0", "--host=127.0.0.1",
        "--no-dashboard",
    )
    program.wait_for("Scheduler at: *tcp://127.0.0.1")
    program.process.send_signal(number)
    assert program.end() == (0, "")
