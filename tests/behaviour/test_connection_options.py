"""What may be said of a connection that is to be made: each keyword, and what none can mean."""

import asyncio
import gc
import socket
import sys
import ssl
import warnings
import weakref

import pytest

STREAM = (socket.SOCK_STREAM, socket.IPPROTO_TCP, "")


@pytest.fixture
def look_up(loop):
    """Answers a name's look-up with addresses of the test's, and notes what was asked."""
    asked = []

    def look_up(*answers):
        async def getaddrinfo(host, port, **options):
            asked.append((host, port, options))
            return answers

        loop.getaddrinfo = getaddrinfo
        return asked

    return look_up


@pytest.fixture
def attempts(loop):
    """Refuses each connection, and notes to whom it would have been."""
    attempted = []

    async def sock_connect(sock, address):
        attempted.append(address)
        raise ConnectionRefusedError("closed on Mondays")

    loop.sock_connect = sock_connect
    return attempted


def of_4(number):
    return (socket.AF_INET, *STREAM, (f"127.0.0.{number}", 80))


def of_6(number):
    return (socket.AF_INET6, *STREAM, (f"::{number}", 80, 0, 0))


MIXED = [of_6(1), of_6(2), of_6(3), of_4(1), of_4(2)]
AS_THEY_COME = [of_6(1), of_6(2), of_6(3), of_4(1), of_4(2)]
IN_TURN = [of_6(1), of_4(1), of_6(2), of_4(2), of_6(3)]
TWO_FIRST = [of_6(1), of_6(2), of_4(1), of_6(3), of_4(2)]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, AS_THEY_COME),
        ({"interleave": 0}, AS_THEY_COME),
        ({"interleave": 1}, IN_TURN),
        ({"interleave": 2}, TWO_FIRST),
        ({"interleave": 9}, AS_THEY_COME),
        ({"happy_eyeballs_delay": 60}, IN_TURN),
        ({"happy_eyeballs_delay": 60, "interleave": 0}, AS_THEY_COME),
        ({"happy_eyeballs_delay": 60, "interleave": 2}, TWO_FIRST),
    ],
)
def test_families_take_turns_if_that_is_asked_for(
    loop, Notes, look_up, attempts, options, expected
):
    look_up(*MIXED)
    with pytest.raises(ConnectionRefusedError, match="closed on Mondays"):
        loop.run_until_complete(loop.create_connection(Notes, "café", 80, **options))
    assert attempts == [address[4] for address in expected]


def test_who_answers_late_is_overtaken_after_the_delay(loop, until, Notes, look_up):
    """The first address doesn't answer: the second is tried, and the first given up."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        kind = (socket.AF_INET, *STREAM)
        look_up((*kind, ("127.0.0.9", port)), (*kind, ("127.0.0.1", port)))
        connect, silent = loop.sock_connect, []

        async def sock_connect(sock, address):
            if address[0] == "127.0.0.9":
                silent.append(sock)
                await loop.create_future()
            await connect(sock, address)

        loop.sock_connect = sock_connect
        made = loop.create_connection(Notes, "café", port, happy_eyeballs_delay=0.001)
        transport, protocol = loop.run_until_complete(made)
        assert transport.get_extra_info("peername") == ("127.0.0.1", port)
        assert [sock.fileno() for sock in silent] == [-1]
        transport.abort()
        until(lambda: protocol.is_lost)


def test_a_look_up_is_told_what_is_wanted(loop, Notes, look_up, attempts):
    asked = look_up(of_4(1))
    options = {"family": socket.AF_INET, "proto": socket.IPPROTO_TCP, "flags": socket.AI_CANONNAME}
    making = loop.create_connection(Notes, "café", 80, local_addr=("counter", 0), **options)
    with pytest.raises(OSError):
        loop.run_until_complete(making)
    kind = {"type": socket.SOCK_STREAM, **options}
    assert asked == [("café", 80, kind), ("counter", 0, kind)]


def test_a_port_alone_is_this_machines(loop, Notes, until):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        transport, protocol = loop.run_until_complete(loop.create_connection(Notes, None, port))
        assert transport.get_extra_info("peername") == ("127.0.0.1", port)
        transport.abort()
        until(lambda: protocol.is_lost)


@pytest.mark.parametrize("where", [("127.0.0.1", None), (None, 80), ("127.0.0.1", 80)])
def test_there_is_one_way_to_say_where_to(loop, Notes, where):
    with socket.socket() as sock:
        making = loop.create_connection(Notes, *where, sock=sock)
        with pytest.raises(ValueError, match="host/port and sock can not be specified"):
            loop.run_until_complete(making)


@pytest.mark.parametrize("method", ["create_connection", "connect_accepted_socket"])
def test_a_socket_that_blocks_does_not_any_more(loop, Notes, until, method):
    near, far = socket.socketpair()
    with far:
        assert near.gettimeout() is None
        making = getattr(loop, method)(Notes, sock=near)
        transport, protocol = loop.run_until_complete(making)
        assert transport.get_extra_info("socket").gettimeout() == 0
        transport.abort()
        until(lambda: protocol.is_lost)


def fail():
    raise LookupError("no cups")


def test_a_factory_that_fails_leaves_no_connection(loop):
    with socket.create_server(("127.0.0.1", 0)) as listener, warnings.catch_warnings():
        # asyncio has left closing the socket to the collector.
        warnings.simplefilter("ignore", ResourceWarning)
        making = loop.create_connection(fail, *listener.getsockname())
        with pytest.raises(LookupError, match="no cups") as raised:
            loop.run_until_complete(making)
        del raised
        gc.collect()
        with listener.accept()[0] as far:
            assert far.recv(1) == b""


def test_a_factory_that_fails_closes_a_users_socket_in_newer_versions(loop):
    near, far = socket.socketpair()
    with near, far:
        with pytest.raises(LookupError, match="no cups"):
            loop.run_until_complete(loop.create_connection(fail, sock=near))
        assert (near.fileno() == -1) == (sys.version_info >= (3, 14))


def test_a_name_without_addresses_is_an_error(loop, Notes, look_up):
    look_up()
    with pytest.raises(OSError, match="returned empty list"):
        loop.run_until_complete(loop.create_connection(Notes, "café", 80))


def test_an_address_to_come_from_must_be_of_the_same_family(loop, Notes, look_up):
    look_up(of_6(1))
    making = loop.create_connection(Notes, "127.0.0.1", 80, local_addr=("counter", 0))
    with pytest.raises(OSError, match="no matching local address with family=.*AF_INET.* found"):
        loop.run_until_complete(making)


def test_an_address_to_come_from_must_be_ones_own(loop, Notes):
    # 192.0.2.1 is nobody's (RFC 5737).
    making = loop.create_connection(Notes, "127.0.0.1", 80, local_addr=("192.0.2.1", 0))
    with pytest.raises(OSError) as raised:
        loop.run_until_complete(making)
    number = "[errno 99] " if sys.version_info >= (3, 13) else ""
    text = f"error while attempting to bind on address ('192.0.2.1', 0): {number}cannot assign"
    assert raised.value.strerror.startswith(text)


@pytest.mark.parametrize("option", ["ssl_handshake_timeout", "ssl_shutdown_timeout"])
@pytest.mark.parametrize(
    "method", ["create_connection", "create_server", "connect_accepted_socket"]
)
def test_times_of_tls_mean_nothing_without_it(loop, Notes, method, option):
    with socket.socket() as sock:
        making = getattr(loop, method)(Notes, sock=sock, **{option: 1})
        with pytest.raises(ValueError, match=f"{option} is only meaningful with ssl"):
            loop.run_until_complete(making)


def test_tls_needs_a_name_to_ask_for(loop, Notes, contexts):
    near, far = socket.socketpair()
    with near, far:
        for arguments, options in [((), {"sock": near}), ((None, 80), {}), (("", 80), {})]:
            making = loop.create_connection(Notes, *arguments, ssl=contexts.client, **options)
            with pytest.raises(ValueError, match="You must set server_hostname when using ssl"):
                loop.run_until_complete(making)


@pytest.mark.parametrize(
    "method", ["create_connection", "create_server", "connect_accepted_socket"]
)
def test_a_socket_of_the_ssl_module_is_refused(loop, Notes, contexts, method):
    with socket.socket() as sock:
        wrapped = contexts.client.wrap_socket(
            sock, server_hostname="localhost", do_handshake_on_connect=False
        )
        with wrapped:
            assert isinstance(wrapped, ssl.SSLSocket)
            with pytest.raises(TypeError, match="Socket cannot be of type SSLSocket"):
                loop.run_until_complete(getattr(loop, method)(Notes, sock=wrapped))


# --- errors


@pytest.fixture
def refused():
    """An address behind which nobody listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()


async def connect(loop, address):
    await loop.create_connection(asyncio.Protocol, *address)


async def connect_from(loop, address):
    await loop.create_connection(asyncio.Protocol, *address, local_addr=("127.0.0.1", 0))


async def connect_with_all_errors(loop, address):
    await loop.create_connection(asyncio.Protocol, *address, all_errors=True)


async def connect_a_socket(loop, address):
    with socket.socket() as sock:
        sock.setblocking(False)
        await loop.sock_connect(sock, address)


ATTEMPTS = [connect, connect_from, connect_a_socket]
if sys.version_info >= (3, 12):
    ATTEMPTS.append(connect_with_all_errors)


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_an_error_is_kept_by_nobody_but_who_caught_it(run, refused, attempt):
    """So its frames, and what they hold, are let go of without the garbage collector."""

    async def main():
        loop = asyncio.get_running_loop()
        try:
            await attempt(loop, refused)
        except* OSError as errors:
            (error,) = errors.exceptions
        mark = error.mark = Mark()
        gone = weakref.ref(mark)
        del error, mark
        # What has told the error is run and let go of.
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return gone() is None

    gc.disable()
    try:
        assert run(main)
    finally:
        gc.enable()


class Mark:
    pass


# --- names of addresses


def test_an_address_has_the_name_that_the_system_knows(run):
    flags = socket.NI_NUMERICHOST | socket.NI_NUMERICSERV
    addresses = [("127.0.0.1", 80), ("::1", 443, 0, 0)]

    async def main():
        loop = asyncio.get_running_loop()
        return [await loop.getnameinfo(address, flags) for address in addresses]

    assert run(main) == [("127.0.0.1", "80"), ("::1", "443")]


def test_a_name_is_the_business_of_pythons_own_function(run, monkeypatch):
    asked = []

    def getnameinfo(address, flags):
        asked.append((address, flags))
        return "café", "coffee"

    monkeypatch.setattr(socket, "getnameinfo", getnameinfo)

    async def main():
        return await asyncio.get_running_loop().getnameinfo(("127.0.0.1", 80))

    assert run(main) == ("café", "coffee")
    assert asked == [(("127.0.0.1", 80), 0)]


def test_what_is_no_address_has_no_name(run):
    async def main():
        loop = asyncio.get_running_loop()
        with pytest.raises(socket.gaierror):
            await loop.getnameinfo(("café", 80))
        with pytest.raises(TypeError):
            await loop.getnameinfo("127.0.0.1")

    run(main)
