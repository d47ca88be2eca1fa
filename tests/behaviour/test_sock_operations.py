"""Operations on the user's own sockets: done, cancelled, and what is left of them."""

import asyncio
import contextlib
import inspect
import os
import select
import signal
import socket
import struct
from pathlib import Path

import pytest


@pytest.fixture
def pair(left_as_found):
    """Two sockets that are connected with each other."""
    near, far = socket.socketpair()
    with near, far:
        near.setblocking(False)
        far.setblocking(False)
        yield near, far


@pytest.fixture
def datagrams(left_as_found):
    """Two datagram sockets that know each other's address."""
    with contextlib.ExitStack() as stack:
        socks = []
        for _ in range(2):
            sock = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            sock.setblocking(False)
            sock.bind(("127.0.0.1", 0))
            socks.append(sock)
        yield socks


@pytest.fixture
def begin(loop, turn):
    """Starts an operation, which then waits; it is ended with the test."""
    tasks = []

    def begin(operation):
        task = loop.create_task(operation)
        tasks.append(task)
        turn()
        return task

    yield begin
    for task in tasks:
        task.cancel()
    loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))


def recv_into(loop, sock):
    """`sock_recv_into`, with the shape of `sock_recv`."""

    async def receive():
        buffer = bytearray(100)
        return bytes(buffer[: await loop.sock_recv_into(sock, buffer)])

    return receive()


RECEIVE = {
    "sock_recv": lambda loop, sock: loop.sock_recv(sock, 100),
    "sock_recv_into": recv_into,
}


@pytest.mark.parametrize("name", RECEIVE)
def test_what_is_there_is_received_at_once(loop, pair, name):
    near, far = pair
    far.send(b"coffee")
    assert loop.run_until_complete(RECEIVE[name](loop, near)) == b"coffee"


@pytest.mark.parametrize("name", RECEIVE)
def test_what_comes_later_is_waited_for(loop, pair, begin, name):
    near, far = pair
    task = begin(RECEIVE[name](loop, near))
    assert not task.done()
    far.send(b"coffee")
    assert loop.run_until_complete(task) == b"coffee"
    # Nobody watches any more.
    assert loop.remove_reader(near) is False


def test_the_end_is_no_bytes(loop, pair):
    near, far = pair
    far.close()
    assert loop.run_until_complete(loop.sock_recv(near, 100)) == b""


def test_all_is_sent_whatever_the_kernel_takes_at_once(loop, pair, begin):
    near, far = pair
    data = bytes(range(256)) * 16384
    task = begin(loop.sock_sendall(near, data))
    assert not task.done()
    received = bytearray()
    while not task.done() or len(received) < len(data):
        received += loop.run_until_complete(loop.sock_recv(far, 1 << 20))
    assert (received, task.result()) == (data, None)
    assert loop.remove_writer(near) is False


@pytest.mark.parametrize("chunk", [bytes, bytearray, memoryview])
def test_whatever_has_bytes_can_be_sent(loop, pair, chunk):
    near, far = pair
    loop.run_until_complete(loop.sock_sendall(near, chunk(b"coffee")))
    assert far.recv(100) == b"coffee"


def test_datagrams_come_with_their_senders(loop, datagrams, begin):
    near, far = datagrams
    task = begin(loop.sock_recvfrom(near, 100))
    sent = loop.run_until_complete(loop.sock_sendto(far, b"coffee", near.getsockname()))
    assert sent == 6
    assert loop.run_until_complete(task) == (b"coffee", far.getsockname())
    buffer = bytearray(100)
    task = begin(loop.sock_recvfrom_into(near, buffer))
    loop.run_until_complete(loop.sock_sendto(far, b"tea", near.getsockname()))
    assert loop.run_until_complete(task) == (3, far.getsockname())
    assert buffer[:3] == b"tea"
    # Of so many bytes at most, though the buffer has more.
    task = begin(loop.sock_recvfrom_into(near, buffer, 2))
    loop.run_until_complete(loop.sock_sendto(far, b"water", near.getsockname()))
    assert loop.run_until_complete(task) == (2, far.getsockname())
    assert buffer[:3] == b"waa"


def test_a_connection_is_made_and_accepted(loop, begin):
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as near:
        listener.setblocking(False)
        near.setblocking(False)
        accepting = begin(loop.sock_accept(listener))
        loop.run_until_complete(loop.sock_connect(near, listener.getsockname()))
        far, address = loop.run_until_complete(accepting)
        with far:
            assert address == near.getsockname()
            assert far.gettimeout() == 0


def test_a_name_is_looked_up(loop):
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as near:
        near.setblocking(False)
        loop.run_until_complete(loop.sock_connect(near, ("localhost", listener.getsockname()[1])))
        assert near.getpeername() == listener.getsockname()


def test_a_refused_connection_is_an_error_that_names_the_address(loop):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
    with socket.socket() as near:
        near.setblocking(False)
        with pytest.raises(ConnectionRefusedError, match="Connect call failed") as caught:
            loop.run_until_complete(loop.sock_connect(near, address))
        assert str(address) in str(caught.value)
        assert caught.value.__context__ is None


OPERATIONS = {
    "sock_recv": lambda loop, sock: loop.sock_recv(sock, 1),
    "sock_recv_into": lambda loop, sock: loop.sock_recv_into(sock, bytearray(1)),
    "sock_recvfrom": lambda loop, sock: loop.sock_recvfrom(sock, 1),
    "sock_recvfrom_into": lambda loop, sock: loop.sock_recvfrom_into(sock, bytearray(1)),
    "sock_sendall": lambda loop, sock: loop.sock_sendall(sock, bytes(1 << 24)),
    "sock_accept": lambda loop, sock: loop.sock_accept(sock),
}
WAITING = {name: OPERATIONS[name] for name in OPERATIONS if name != "sock_accept"}


@pytest.mark.parametrize("name", WAITING)
def test_a_cancelled_operation_no_longer_watches(loop, pair, begin, turn, name):
    near, far = pair
    task = begin(WAITING[name](loop, near))
    task.cancel()
    turn()
    turn()
    assert task.cancelled()
    assert loop.remove_reader(near) is False
    assert loop.remove_writer(near) is False


@pytest.mark.parametrize("name", RECEIVE)
def test_a_cancelled_receipt_loses_nothing(loop, pair, begin, turn, name):
    near, far = pair
    task = begin(RECEIVE[name](loop, near))
    far.send(b"coffee")
    task.cancel()
    turn()
    turn()
    assert task.cancelled()
    assert loop.run_until_complete(loop.sock_recv(near, 100)) == b"coffee"


@pytest.mark.parametrize("name", OPERATIONS)
def test_in_debug_mode_a_blocking_socket_is_refused(loop, pair, name):
    near, _ = pair
    near.setblocking(True)
    loop.set_debug(True)
    with pytest.raises(ValueError, match="the socket must be non-blocking"):
        loop.run_until_complete(OPERATIONS[name](loop, near))
    loop.set_debug(False)


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_closed_socket_is_an_error(loop, pair, name):
    near, _ = pair
    near.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        loop.run_until_complete(OPERATIONS[name](loop, near))


@pytest.mark.parametrize("name", WAITING)
def test_a_socket_that_is_closed_while_an_operation_waits_leaves_the_loop_alone(
    loop, pair, begin, turn, name
):
    near, far = pair
    task = begin(WAITING[name](loop, near))
    near.close()
    far.close()
    for _ in range(3):
        turn()
    # The kernel forgets a closed descriptor, so nobody hears of it; but it can be given up.
    task.cancel()
    turn()
    turn()
    assert task.done()


@pytest.mark.parametrize("name", RECEIVE)
def test_a_socket_that_is_closed_though_it_lives_on_is_an_error(
    loop, pair, begin, until, name
):
    near, far = pair
    # The kernel goes on reporting it: a descriptor of it is left, as in a child process.
    copy = os.dup(near.fileno())
    task = begin(RECEIVE[name](loop, near))
    near.close()
    far.send(b"coffee")
    until(task.done)
    assert isinstance(task.exception(), OSError)
    os.close(copy)


# asyncio never hears of a number that was closed and opened again while it was watched.
@pytest.mark.parametrize("loop_name", ["cafeloop"], indirect=True)
@pytest.mark.parametrize("name", RECEIVE)
def test_an_operation_on_a_number_that_is_used_again_is_its_own(
    loop, pair, begin, until, turn, name
):
    near, far = pair
    stale = begin(RECEIVE[name](loop, near))
    number = near.fileno()
    near.close()
    one, two = socket.socketpair()
    with one, two:
        assert number in (one.fileno(), two.fileno())
        again, other = (one, two) if one.fileno() == number else (two, one)
        again.setblocking(False)
        task = begin(RECEIVE[name](loop, again))
        other.send(b"coffee")
        until(task.done)
        assert task.result() == b"coffee"
        assert not stale.done()
        stale.cancel()
        turn()
        turn()


def test_a_transports_socket_is_refused(link, loop, Notes):
    transport, _ = link(Notes())
    sock = transport.get_extra_info("socket")._sock
    with pytest.raises(RuntimeError, match="is used by transport"):
        loop.run_until_complete(loop.sock_recv(sock, 1))


def test_a_signal_does_not_disturb_an_operation(run):
    async def main():
        loop = asyncio.get_running_loop()
        near, far = socket.socketpair()
        seen = []
        loop.add_signal_handler(signal.SIGUSR1, seen.append, "signal")
        with near, far:
            near.setblocking(False)
            task = loop.create_task(loop.sock_recv(near, 100))
            await asyncio.sleep(0)
            os.kill(os.getpid(), signal.SIGUSR1)
            while not seen:
                await asyncio.sleep(0)
            far.send(b"coffee")
            assert await task == b"coffee"
        loop.remove_signal_handler(signal.SIGUSR1)

    run(main)


def test_a_number_that_is_used_again_is_watched_anew(loop, pair, begin, until):
    near, far = pair
    first = begin(loop.sock_recv(near, 100))
    far.send(b"coffee")
    until(first.done)
    number = near.fileno()
    near.close()
    one, two = socket.socketpair()
    with one, two:
        assert number in (one.fileno(), two.fileno())
        again, other = (one, two) if one.fileno() == number else (two, one)
        again.setblocking(False)
        second = begin(loop.sock_recv(again, 100))
        other.send(b"tea")
        until(second.done)
        assert (first.result(), second.result()) == (b"coffee", b"tea")


def test_a_number_that_is_used_again_can_be_watched(loop, pair, begin, until):
    near, far = pair
    task = begin(loop.sock_recv(near, 100))
    far.send(b"coffee")
    until(task.done)
    number = near.fileno()
    near.close()
    one, two = socket.socketpair()
    with one, two:
        assert number in (one.fileno(), two.fileno())
        again, other = (one, two) if one.fileno() == number else (two, one)
        told = []
        loop.add_reader(again, told.append, "read")
        other.send(b"tea")
        until(lambda: told)
        loop.remove_reader(again)


def test_a_cancelled_receiving_takes_nothing(loop, pair, begin, turn):
    near, far = pair
    task = begin(loop.sock_recv(near, 100))
    task.cancel()
    far.send(b"coffee")
    turn()
    turn()
    assert task.cancelled()
    assert loop.run_until_complete(loop.sock_recv(near, 100)) == b"coffee"


def test_receiving_and_sending_wait_side_by_side(loop, pair, begin, until, turn):
    near, far = pair
    far.setblocking(False)
    much = bytes(8 << 20)
    sending = begin(loop.sock_sendall(near, much))
    receiving = begin(loop.sock_recv(near, 100))
    turn()
    assert not sending.done()
    far.send(b"coffee")
    until(receiving.done)
    assert receiving.result() == b"coffee"
    taken = 0

    def is_all():
        nonlocal taken
        with contextlib.suppress(BlockingIOError):
            taken += len(far.recv(1 << 20))
        return taken == len(much)

    until(is_all)
    until(sending.done)


def test_a_method_that_somebody_has_put_in_a_sockets_place_is_called(loop, pair, monkeypatch):
    near, _ = pair
    monkeypatch.setattr(socket.socket, "recv", lambda sock, n: b"mocked", raising=False)
    monkeypatch.setattr(socket.socket, "recv_into", lambda sock, room: 6, raising=False)
    monkeypatch.setattr(socket.socket, "send", lambda sock, data: len(data), raising=False)
    assert loop.run_until_complete(loop.sock_recv(near, 100)) == b"mocked"
    assert loop.run_until_complete(loop.sock_recv_into(near, bytearray(100))) == 6
    loop.run_until_complete(loop.sock_sendall(near, bytes(1 << 24)))


class Shouting(socket.socket):
    def recv(self, *args):
        return super().recv(*args).upper()


def test_the_methods_of_a_sockets_class_are_called(loop, pair, begin, until):
    near, far = pair
    sock = Shouting(fileno=near.detach())
    with sock:
        sock.setblocking(False)
        task = begin(loop.sock_recv(sock, 100))
        far.send(b"coffee")
        until(task.done)
        assert task.result() == b"COFFEE"


def test_a_sockets_time_out_is_its_own(loop, pair):
    near, _ = pair
    # Out of debug mode asyncio doesn't look: the socket waits, and the loop with it.
    near.settimeout(0.01)
    with pytest.raises(TimeoutError):
        loop.run_until_complete(loop.sock_recv(near, 100))


@pytest.mark.parametrize("name", ["sock_recv", "sock_recv_into", "sock_sendall", "sock_accept"])
def test_operations_are_coroutine_functions(loop, name):
    assert inspect.iscoroutinefunction(getattr(loop, name))


def test_a_task_of_asyncios_receives(loop, pair, until):
    near, far = pair

    async def receive():
        return await loop.sock_recv(near, 100)

    task = asyncio.tasks._PyTask(receive(), loop=loop)
    far.send(b"coffee")
    until(task.done)
    far.send(b"tea")
    again = asyncio.tasks._PyTask(receive(), loop=loop)
    until(again.done)
    assert (task.result(), again.result()) == (b"coffee", b"tea")


@pytest.mark.parametrize("size", [-1, 0, 1 << 20, 1.5, None])
def test_an_unusual_size_is_the_sockets_business(loop, pair, size):
    near, far = pair
    far.send(b"coffee")

    def outcome(receive):
        try:
            return receive()
        except Exception as error:
            return type(error)

    expected = outcome(lambda: near.recv(size, socket.MSG_PEEK))
    assert outcome(lambda: loop.run_until_complete(loop.sock_recv(near, size))) == expected


def test_reset_and_closed_connections_are_errors(loop, begin, until):
    listener = socket.create_server(("127.0.0.1", 0))
    with listener, socket.create_connection(listener.getsockname()) as far:
        near, _ = listener.accept()
        with near:
            near.setblocking(False)
            task = begin(loop.sock_recv(near, 100))
            far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            far.close()
            until(task.done)
            assert isinstance(task.exception(), ConnectionResetError)
            with pytest.raises(BrokenPipeError):
                loop.run_until_complete(loop.sock_sendall(near, b"coffee"))


def wait_and_receive(loop, near, far, begin, until):
    """An operation that had to wait, and has its answer."""
    task = begin(loop.sock_recv(near, 100))
    far.send(b"coffee")
    until(task.done)
    assert task.result() == b"coffee"


def test_a_number_given_to_another_socket_between_two_operations(loop, pair, begin, until):
    near, far = pair
    wait_and_receive(loop, near, far, begin, until)
    one, two = socket.socketpair()
    with one, two:
        os.dup2(one.fileno(), near.fileno())
        os.set_blocking(near.fileno(), False)
        wait_and_receive(loop, near, two, begin, until)


def test_a_number_used_again_after_an_operation_can_be_a_transports(
    loop, link, begin, until, Notes
):
    near, far = socket.socketpair()
    with near, far:
        near.setblocking(False)
        number = near.fileno()
        wait_and_receive(loop, near, far, begin, until)
    transport, far = link(notes := Notes())
    assert transport.get_extra_info("socket").fileno() == number
    far.send(b"coffee")
    until(lambda: notes.received)


def asked_of_the_kernel(number):
    """What epoll instances of this process watch a number for (`fdinfo` in `proc(5)`)."""
    asked = 0
    for descriptor in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):
            for line in Path(f"/proc/self/fdinfo/{descriptor}").read_text().splitlines():
                match line.split():
                    case ["tfd:", watched, "events:", events, *_] if int(watched) == number:
                        asked |= int(events, 16) & (select.EPOLLIN | select.EPOLLOUT)
    return asked


def test_nothing_is_asked_of_the_kernel_once_an_operation_has_its_answer(
    loop, pair, begin, until, turn
):
    near, far = pair
    task = begin(loop.sock_recv(near, 100))
    assert asked_of_the_kernel(near.fileno()) == select.EPOLLIN
    far.send(b"coffee")
    until(task.done)
    turn()
    # Or whoever closes it now, with a copy of it in another process, would have the loop
    # told without end of what comes for that.
    assert asked_of_the_kernel(near.fileno()) == 0


def test_a_reader_takes_the_place_of_an_operation(loop, pair, begin, until, turn):
    near, far = pair
    task = begin(loop.sock_recv(near, 100))
    seen = []
    loop.add_reader(near, lambda: seen.append(near.recv(100)))
    far.send(b"coffee")
    until(lambda: seen)
    assert not task.done()
    task.cancel()
    until(task.done)
    # The reader is another's, and stays.
    far.send(b"tea")
    until(lambda: len(seen) == 2)
    assert loop.remove_reader(near) is True


def test_a_reader_taken_back_takes_an_operation_with_it(loop, pair, begin, turn):
    near, far = pair
    task = begin(loop.sock_recv(near, 100))
    assert loop.remove_reader(near) is True
    far.send(b"coffee")
    for _ in range(3):
        turn()
    assert not task.done()


def test_a_writer_beside_an_operation_stays(loop, pair, begin, until):
    near, far = pair
    seen = []
    task = begin(loop.sock_recv(near, 100))
    loop.add_writer(near, seen.append, "room")
    until(lambda: seen)
    far.send(b"coffee")
    until(task.done)
    before = len(seen)
    until(lambda: len(seen) > before)
    assert loop.remove_writer(near) is True


@pytest.mark.parametrize("operation", ["sock_recv_into", "sock_sendall"])
def test_what_has_no_bytes_is_refused(loop, pair, operation):
    near, _ = pair
    with pytest.raises(TypeError):
        loop.run_until_complete(getattr(loop, operation)(near, "text"))


def test_a_buffer_without_room_receives_nothing(loop, pair):
    near, far = pair
    # Nor does it wait for something.
    assert loop.run_until_complete(loop.sock_recv_into(near, bytearray())) == 0
    far.send(b"coffee")
    assert loop.run_until_complete(loop.sock_recv_into(near, bytearray())) == 0
    assert near.recv(100) == b"coffee"
