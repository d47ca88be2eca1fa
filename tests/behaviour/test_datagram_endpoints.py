"""Making an endpoint of datagrams: which addresses and options there are, and what is refused."""

import asyncio
import gc
import logging
import os
import socket
import sys
import warnings

import pytest

LOCALHOST = ("127.0.0.1", 0)


@pytest.fixture
def path(tmp_path):
    # A socket's path has room for 107 bytes.
    return os.path.relpath(tmp_path / "counter")


@pytest.fixture
def refused(loop, DatagramNotes):
    """Tries to make an endpoint, and returns what that raises."""

    def refused(error, **options):
        with pytest.raises(error) as raised:
            loop.run_until_complete(loop.create_datagram_endpoint(DatagramNotes, **options))
        return str(raised.value)

    return refused


def test_one_is_a_datagram_transport_and_knows_its_addresses(endpoint):
    transport, _ = endpoint(local_addr=LOCALHOST)
    sock = transport.get_extra_info("socket")
    assert isinstance(transport, asyncio.DatagramTransport) or sys.version_info < (3, 12)
    assert transport.get_extra_info("sockname") == sock.getsockname()
    assert transport.get_extra_info("peername") is None
    assert transport.get_extra_info("tea", "coffee") == "coffee"
    assert (sock.family, sock.type) == (socket.AF_INET, socket.SOCK_DGRAM)


def test_a_local_and_a_remote_address_are_of_the_same_family(endpoint):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as far:
        far.bind(LOCALHOST)
        transport, _ = endpoint(local_addr=("localhost", 0), remote_addr=far.getsockname())
        assert transport.get_extra_info("peername") == far.getsockname()
        assert transport.get_extra_info("sockname")[0] == "127.0.0.1"


def test_a_family_alone_makes_one_that_is_bound_when_it_sends(endpoint):
    transport, _ = endpoint(family=socket.AF_INET)
    assert transport.get_extra_info("sockname") == ("0.0.0.0", 0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as far:
        far.bind(LOCALHOST)
        far.settimeout(10)
        transport.sendto(b"coffee", far.getsockname())
        assert far.recv(100) == b"coffee"


def test_who_may_broadcast_isnt_connected(endpoint, until):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as far:
        far.bind(LOCALHOST)
        far.settimeout(10)
        transport, protocol = endpoint(remote_addr=far.getsockname(), allow_broadcast=True)
        assert transport.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST)
        assert transport.get_extra_info("peername") is None
        transport.sendto(b"anybody there?")
        data, near = far.recvfrom(100)
        assert data == b"anybody there?"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as somebody:
        somebody.bind(LOCALHOST)
        somebody.sendto(b"me", ("127.0.0.1", near[1]))
        until(lambda: protocol.received)
        assert protocol.told[-1] == (b"me", somebody.getsockname())


def test_a_port_can_be_shared(endpoint):
    first, _ = endpoint(local_addr=LOCALHOST, reuse_port=True)
    address = first.get_extra_info("sockname")
    second, _ = endpoint(local_addr=address, reuse_port=True)
    assert second.get_extra_info("sockname") == address


def test_a_port_that_isnt_shared_is_refused(endpoint, refused):
    first, _ = endpoint(local_addr=LOCALHOST)
    assert "in use" in refused(OSError, local_addr=first.get_extra_info("sockname"))


def test_a_socket_of_the_users_is_used_as_it_is(endpoint, until):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as far:
        far.bind(LOCALHOST)
        near = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        near.connect(far.getsockname())
        transport, protocol = endpoint(sock=near)
        assert near.gettimeout() == 0
        # It is connected, and nobody has said that others may not be named: they are ignored.
        transport.sendto(b"coffee", ("127.0.0.1", 1))
        assert far.recv(100) == b"coffee"
        far.sendto(b"tea", near.getsockname())
        until(lambda: protocol.received)
        assert protocol.told[-1] == (b"tea", far.getsockname())


def test_unix_sockets_have_paths(endpoint, until, path):
    server, served = endpoint(local_addr=path, family=socket.AF_UNIX)
    assert server.get_extra_info("sockname") == path
    client, answers = endpoint(
        local_addr=path + "2", remote_addr=path, family=socket.AF_UNIX
    )
    client.sendto(b"coffee")
    until(lambda: served.received)
    assert served.told[-1] == (b"coffee", path + "2")
    server.sendto(b"here", path + "2")
    server.sendto(b"you are", (path + "2").encode())
    until(lambda: len(answers.received) == 2)
    assert answers.told[-2:] == [(b"here", path), (b"you are", path)]


def test_a_unix_socket_without_a_name_sends_from_none(endpoint, until, path):
    server, served = endpoint(local_addr=path, family=socket.AF_UNIX)
    client, _ = endpoint(remote_addr=path, family=socket.AF_UNIX)
    client.sendto(b"coffee")
    until(lambda: served.received)
    assert served.told[-1] == (b"coffee", None)


def test_an_abstract_name_has_no_file(endpoint, until):
    name = f"\0cafeloop-datagrams-{os.getpid()}"
    server, served = endpoint(local_addr=name, family=socket.AF_UNIX)
    client, answers = endpoint(local_addr=name + "2", family=socket.AF_UNIX)
    client.sendto(b"coffee", name)
    until(lambda: served.received)
    assert served.told[-1] == (b"coffee", (name + "2").encode())
    server.sendto(b"here you are", (name + "2").encode())
    until(lambda: answers.received)
    assert answers.told[-1] == (b"here you are", name.encode())


def test_a_stale_socket_is_replaced(endpoint, path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as stale:
        stale.bind(path)
    endpoint(local_addr=path, family=socket.AF_UNIX)


def test_a_file_is_not(refused, path):
    with open(path, "w"):
        pass
    assert "in use" in refused(OSError, local_addr=path, family=socket.AF_UNIX)


def test_a_path_too_long_is_an_error_that_is_told(endpoint, path):
    transport, protocol = endpoint(local_addr=path, family=socket.AF_UNIX)
    transport.sendto(b"coffee", "/" + "x" * 200)
    assert protocol.told == ["made", OSError]
    transport.sendto(b"coffee", path + "nowhere")
    assert protocol.told == ["made", OSError, FileNotFoundError]


def test_a_family_that_python_alone_knows_is_spoken_to_by_python(endpoint, until):
    near = socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, 0)
    transport, protocol = endpoint(sock=near)
    # RTM_GETLINK for all links: a header and a family of rtnetlink(7).
    length, kind, flags = 17, 18, 0x301
    transport.sendto(
        length.to_bytes(4, sys.byteorder)
        + kind.to_bytes(2, sys.byteorder)
        + flags.to_bytes(2, sys.byteorder)
        + bytes(8)
        + b"\0",
        (0, 0),
    )
    until(lambda: protocol.received)
    assert protocol.told[-1][1] == (0, 0)


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({}, ValueError, "unexpected address family"),
        ({"local_addr": ("127.0.0.1",)}, TypeError, "2-tuple is expected"),
        ({"local_addr": ["127.0.0.1", 0]}, TypeError, "2-tuple is expected"),
        ({"local_addr": LOCALHOST, "family": socket.AF_UNIX}, TypeError, "string is expected"),
        (
            {"local_addr": LOCALHOST, "remote_addr": ("::1", 1)},
            ValueError,
            "can not get address information",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(refused, options, error, text):
    assert refused(error, **options) == text


def test_a_stream_is_refused(refused):
    with socket.socket() as stream:
        text = refused(ValueError, sock=stream)
    assert text.startswith(
        "A datagram socket was expected, got "
        if sys.version_info >= (3, 13)
        else "A UDP Socket was expected, got "
    )


def test_options_for_a_socket_that_is_there_are_refused(refused):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        text = refused(
            ValueError, sock=sock, local_addr=LOCALHOST, family=socket.AF_INET, allow_broadcast=True
        )
    assert text == (
        "socket modifier keyword arguments can not be used when sock is specified. "
        f"(local_addr={LOCALHOST}, family={socket.AF_INET}, allow_broadcast=True)"
    )


def test_whoever_cant_be_connected_to_is_an_error(refused):
    # Nobody may broadcast who hasn't asked for it.
    refused(PermissionError, remote_addr=("255.255.255.255", 9))


def test_one_that_is_cancelled_while_it_is_made_is_closed(loop, turn, DatagramNotes):
    making = loop.create_task(
        loop.create_datagram_endpoint(DatagramNotes, local_addr=LOCALHOST)
    )
    turn()
    making.cancel()
    for _ in range(5):
        turn()
    assert making.cancelled()


def test_debug_mode_logs_what_was_made(loop, endpoint, caplog):
    caplog.set_level(logging.DEBUG, "asyncio")
    loop.set_debug(True)
    endpoint(local_addr=LOCALHOST)
    assert "Datagram endpoint local_addr=" in caplog.text
    assert "remote_addr=None created: (" in caplog.text


def fail():
    raise LookupError("no cups")


def test_a_factory_that_fails_leaves_its_address_free(loop):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        address = sock.getsockname()
    with warnings.catch_warnings():
        # asyncio leaves closing the socket to the collector.
        warnings.simplefilter("ignore", ResourceWarning)
        with pytest.raises(LookupError, match="no cups"):
            loop.run_until_complete(loop.create_datagram_endpoint(fail, local_addr=address))
        gc.collect()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(address)


def test_a_factory_that_fails_leaves_a_users_socket_alone(loop):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        with pytest.raises(LookupError, match="no cups"):
            loop.run_until_complete(loop.create_datagram_endpoint(fail, sock=sock))
        assert sock.fileno() != -1
