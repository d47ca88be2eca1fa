"""pyzmq: sockets that a loop watches by a descriptor which is edge-triggered, in any thread."""

import asyncio
import threading

import pytest
import zmq
import zmq.asyncio

pytestmark = pytest.mark.slow

PATTERNS = {
    "pair": (zmq.PAIR, zmq.PAIR),
    "request": (zmq.REP, zmq.REQ),
    "dealer": (zmq.ROUTER, zmq.DEALER),
}
MANY = 1000


@pytest.fixture(params=["inproc", "ipc", "tcp"])
def address(request, tmp_path):
    return {
        "inproc": "inproc://cafe",
        "ipc": f"ipc://{tmp_path}/socket",
        "tcp": "tcp://127.0.0.1:*",
    }[request.param]


def link(context, kinds, address):
    """Two sockets that are connected with each other."""
    near, far = map(context.socket, kinds)
    near.bind(address)
    far.connect(near.getsockopt_string(zmq.LAST_ENDPOINT))
    return near, far


async def serve(sock, rounds):
    """Sends each message back."""
    for _ in range(rounds):
        await sock.send_multipart(await sock.recv_multipart())


async def ask(sock, rounds):
    for number in range(rounds):
        await sock.send(b"%d" % number)
        assert await sock.recv() == b"%d" % number


async def talk(address, kinds=PATTERNS["pair"], rounds=100):
    with zmq.asyncio.Context() as context:
        near, far = link(context, kinds, address)
        with near, far:
            await asyncio.gather(serve(near, rounds), ask(far, rounds))


@pytest.mark.parametrize("pattern", PATTERNS)
def test_questions_are_answered(run, address, pattern):
    run(lambda: talk(address, PATTERNS[pattern]))


def test_a_flood_arrives_whole_and_in_order(run, address):
    async def main():
        with zmq.asyncio.Context() as context:
            near, far = link(context, (zmq.PULL, zmq.PUSH), address)
            with near, far:

                async def pour():
                    for number in range(MANY):
                        await far.send(b"%d" % number)

                pouring = asyncio.create_task(pour())
                assert [int(await near.recv()) for _ in range(MANY)] == list(range(MANY))
                await pouring

    run(main)


# With inproc nothing tells the descriptor, on any loop.
@pytest.mark.parametrize("address", ["ipc", "tcp"], indirect=True)
def test_a_writer_waits_for_its_reader(run, address):
    async def main():
        with zmq.asyncio.Context() as context:
            near, far = context.socket(zmq.PULL), context.socket(zmq.PUSH)
            with near, far:
                # There is nobody yet whom it could be sent to.
                sending = asyncio.ensure_future(far.send(b"latte"))
                await asyncio.sleep(0)
                assert not sending.done()
                near.bind(address)
                far.connect(near.getsockopt_string(zmq.LAST_ENDPOINT))
                await sending
                assert await near.recv() == b"latte"

    run(main)


def test_a_receipt_that_is_cancelled_loses_nothing(run, address):
    async def main():
        with zmq.asyncio.Context() as context:
            near, far = link(context, PATTERNS["pair"], address)
            with near, far:
                receiving = asyncio.ensure_future(near.recv())
                await asyncio.sleep(0)
                receiving.cancel()
                await far.send(b"latte")
                assert await near.recv() == b"latte"

    run(main)


def test_a_poller_tells_which_socket_has_something(run, address):
    async def main():
        with zmq.asyncio.Context() as context:
            near, far = link(context, PATTERNS["pair"], address)
            with near, far:
                poller = zmq.asyncio.Poller()
                poller.register(near, zmq.POLLIN)
                assert await poller.poll(0) == []
                waiting = asyncio.ensure_future(poller.poll())
                await far.send(b"latte")
                assert await waiting == [(near, zmq.POLLIN)]
                assert await near.recv() == b"latte"

    run(main)


def test_a_loop_of_another_thread_serves_the_main_threads_loop(run, new_loop, address):
    # As a kernel of Jupyter's and its control channel.
    with zmq.asyncio.Context() as context:
        near, far = link(context, PATTERNS["pair"], address)

        def other():
            with asyncio.Runner(loop_factory=new_loop) as runner:
                runner.run(serve(near, MANY))

        with near, far:
            server = threading.Thread(target=other)
            server.start()
            run(lambda: ask(far, MANY))
            server.join()


def test_loops_of_many_threads_talk_at_once(new_loop):
    finished = []

    def other():
        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(talk("tcp://127.0.0.1:*"))
            finished.append(True)

    threads = [threading.Thread(target=other) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(finished) == len(threads)


def test_a_plain_sockets_descriptor_can_be_watched(run, new_loop, loop_name):
    # pyzmq's sockets have a fileno(), and are no numbers.
    async def main():
        loop = asyncio.get_running_loop()
        with zmq.Context() as context:
            near, far = link(context, PATTERNS["pair"], "tcp://127.0.0.1:*")
            with near, far:
                heard = loop.create_future()

                def look():
                    if near.getsockopt(zmq.EVENTS) & zmq.POLLIN and not heard.done():
                        heard.set_result(near.recv(zmq.NOBLOCK))

                loop.add_reader(near, look)
                far.send(b"latte")
                assert await heard == b"latte"
                assert loop.remove_reader(near) is True

    run(main)
