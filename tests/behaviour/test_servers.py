"""Servers: where they listen, whom they serve, and when they are closed."""

import asyncio
import errno
import gc
import itertools
import resource
import socket
import sys
import warnings

import pytest


@pytest.fixture
def serve(loop, until, Notes):
    """Makes a server whose protocols are kept in a list."""
    made = []

    def serve(*arguments, factory=Notes, **options):
        protocols = []

        def make():
            protocol = factory()
            protocols.append(protocol)
            return protocol

        arguments = arguments or ("127.0.0.1", 0)
        if "sock" in options:
            arguments = ()
        server = loop.run_until_complete(loop.create_server(make, *arguments, **options))
        made.append((server, protocols))
        return server, protocols

    yield serve
    for server, protocols in made:
        server.close()
        until(lambda protocols=protocols: all(p.told for p in protocols))
        for protocol in protocols:
            if not protocol.is_lost:
                protocol.transport.abort()
        until(lambda protocols=protocols: all(p.is_lost for p in protocols))


def visit(server, index=0):
    """A plain socket that is connected with a server."""
    sock = socket.create_connection(server.sockets[index].getsockname()[:2])
    sock.setblocking(False)
    return sock


def test_each_connection_has_its_own_protocol(serve, until, receive):
    server, protocols = serve()
    with visit(server) as first, visit(server) as second:
        until(lambda: len(protocols) == 2)
        first.send(b"coffee")
        second.send(b"tea")
        until(lambda: [p.received for p in protocols] == [b"coffee", b"tea"])
        for protocol in protocols:
            protocol.transport.write(protocol.received)
        assert (receive(first), receive(second)) == (b"coffee", b"tea")
        extra = protocols[0].transport.get_extra_info
        assert extra("peername") == first.getsockname()
        assert extra("sockname") == first.getpeername()


def test_a_server_is_one_of_asyncios(serve, loop):
    server, _ = serve()
    assert isinstance(server, asyncio.AbstractServer)
    assert isinstance(server, asyncio.Server)
    assert server.get_loop() is loop
    assert server.is_serving()
    server.close()
    assert not server.is_serving()
    assert server.sockets == ()


@pytest.mark.parametrize("host", ["", None])
def test_no_host_is_all_addresses(serve, host):
    server, _ = serve(host, 0)
    families = {sock.family for sock in server.sockets}
    assert socket.AF_INET in families
    assert families == {socket.AF_INET, socket.AF_INET6} or not socket.has_ipv6


def test_a_server_listens_on_several_hosts_and_on_each_once(serve, until):
    server, protocols = serve(["127.0.0.1", "127.0.0.2", "127.0.0.1"], 0)
    hosts = sorted(sock.getsockname()[0] for sock in server.sockets)
    assert hosts == ["127.0.0.1", "127.0.0.2"]
    with visit(server, 0), visit(server, 1):
        until(lambda: len(protocols) == 2)


def test_a_users_socket_becomes_the_servers(serve, until):
    sock = socket.create_server(("127.0.0.1", 0))
    server, protocols = serve(sock=sock)
    with visit(server):
        until(lambda: protocols)
    server.close()
    assert sock.fileno() == -1


def test_an_address_in_use_is_an_error_that_names_it(serve):
    server, _ = serve()
    address = server.sockets[0].getsockname()
    with pytest.raises(OSError, match="error while attempting to bind on address") as caught:
        serve(*address)
    assert caught.value.errno == errno.EADDRINUSE
    reason = "address already in use"
    if sys.version_info >= (3, 13):
        reason = f"[errno {errno.EADDRINUSE}] {reason}"
    text = f"error while attempting to bind on address {address!r}: {reason}"
    assert caught.value.strerror == text


@pytest.mark.parametrize(
    ("option", "error", "text"),
    [
        ("SO_REUSEPORT", ValueError, "reuse_port not supported by socket module, SO_REUSEPORT"),
        ("SO_REUSEADDR", OSError, "refused"),
    ],
)
def test_an_option_that_the_system_refuses_is_an_error(
    serve, monkeypatch, option, error, text
):
    set_option = socket.socket.setsockopt

    def setsockopt(sock, level, number, *value):
        if number == getattr(socket, option):
            raise OSError(errno.ENOPROTOOPT, "refused")
        set_option(sock, level, number, *value)

    monkeypatch.setattr(socket.socket, "setsockopt", setsockopt)
    with pytest.raises(error, match=text):
        serve(reuse_port=True)


def test_options_of_sockets_are_set(serve):
    server, _ = serve(reuse_port=True, reuse_address=False)
    sock = server.sockets[0]
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT)
    assert not sock.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR)
    other, _ = serve(*sock.getsockname(), reuse_port=True)
    assert other.sockets[0].getsockname() == sock.getsockname()
    server, _ = serve()
    assert server.sockets[0].getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR)


@pytest.mark.skipif(sys.version_info < (3, 13), reason="new in Python 3.13")
def test_connections_may_be_kept_alive(serve):
    server, _ = serve(keep_alive=True)
    assert server.sockets[0].getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)


def test_a_server_listens_on_the_family_that_was_asked_for(serve):
    for family in (socket.AF_INET, socket.AF_INET6):
        server, _ = serve(None, 0, family=family)
        assert [sock.family for sock in server.sockets] == [family]


def test_sockets_of_two_families_share_no_port_by_accident(serve):
    """One of IPv6 takes only its own, so that another may have the port for IPv4."""
    server, _ = serve("::", 0)
    (sock,) = server.sockets
    assert sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)
    serve("0.0.0.0", sock.getsockname()[1])


def test_a_look_up_is_told_what_is_wanted(serve, loop):
    asked = []
    address = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", 0))

    async def getaddrinfo(host, port, **options):
        asked.append((host, port, options))
        return [address]

    loop.getaddrinfo = getaddrinfo
    server, _ = serve(["café", "counter"], 0, family=socket.AF_INET, flags=socket.AI_CANONNAME)
    assert len(server.sockets) == 1
    for (host, port, options), expected in zip(asked, ["café", "counter"], strict=True):
        assert (host, port) == (expected, 0)
        assert options["family"] == socket.AF_INET
        assert options["type"] == socket.SOCK_STREAM
        assert options["flags"] == socket.AI_CANONNAME


def test_as_many_may_wait_as_was_asked_for(serve, monkeypatch):
    asked = []
    listen = socket.socket.listen

    class Listening(socket.socket):
        def listen(self, backlog):
            asked.append(backlog)
            listen(self, backlog)

    sock = Listening()
    sock.bind(("127.0.0.1", 0))
    serve(sock=sock, backlog=7)
    sock = Listening()
    sock.bind(("127.0.0.1", 0))
    serve(sock=sock)
    assert asked == [7, 100]


def test_one_address_that_is_taken_keeps_all_from_being_served(serve, open_descriptors):
    server, _ = serve()
    port = server.sockets[0].getsockname()[1]
    before = open_descriptors()
    with pytest.raises(OSError, match="error while attempting to bind on address"):
        serve(["127.0.0.2", "127.0.0.1"], port)
    assert open_descriptors() == before


def test_an_address_of_another_machine_cannot_be_served(serve):
    # 192.0.2.1 is nobody's (RFC 5737).
    with pytest.raises(OSError, match=r"\('192.0.2.1', 0\)"):
        serve("192.0.2.1", 0)


@pytest.mark.parametrize(
    ("arguments", "options", "error", "text"),
    [
        ((), {}, ValueError, "Neither host/port nor sock were specified"),
        (("127.0.0.1", 0), {"sock": True}, ValueError, "host/port and sock can not be specified"),
        ((None, 0), {"sock": True}, ValueError, "host/port and sock can not be specified"),
        (("127.0.0.1", 0), {"ssl": True}, TypeError, "ssl argument must be an SSLContext or None"),
        (("127.0.0.1", 0), {"ssl": False}, TypeError, "ssl argument must be an SSLContext or None"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(loop, Notes, arguments, options, error, text):
    with socket.socket() as sock:
        options = {name: sock if name == "sock" else value for name, value in options.items()}
        with pytest.raises(error, match=text):
            loop.run_until_complete(loop.create_server(Notes, *arguments, **options))


def test_a_server_that_has_not_started_serves_nobody(serve, loop, until, turn):
    server, protocols = serve(start_serving=False)
    assert not server.is_serving()
    with pytest.raises(ConnectionRefusedError):
        visit(server)
    loop.run_until_complete(server.start_serving())
    loop.run_until_complete(server.start_serving())
    with visit(server):
        until(lambda: protocols)


def test_serving_for_ever_ends_with_its_task(serve, loop):
    server, _ = serve(start_serving=False)
    task = loop.create_task(server.serve_forever())
    loop.run_until_complete(asyncio.sleep(0))
    assert server.is_serving()
    with pytest.raises(RuntimeError, match="already being awaited"):
        loop.run_until_complete(server.serve_forever())
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        loop.run_until_complete(task)
    assert not server.is_serving()
    with pytest.raises(RuntimeError, match="is closed"):
        loop.run_until_complete(server.serve_forever())


def test_a_closed_server_keeps_its_connections(serve, until, receive):
    server, protocols = serve()
    with visit(server) as visitor:
        until(lambda: protocols and protocols[0].told)
        server.close()
        server.close()
        visitor.send(b"coffee")
        until(lambda: protocols[0].received == b"coffee")


def test_waiting_for_the_end_of_a_server_with_connections(serve, loop, until, turn):
    server, protocols = serve()
    with visit(server):
        until(lambda: protocols and protocols[0].told)
        server.close()
        waiting = loop.create_task(server.wait_closed())
        turn()
        turn()
        # Python 3.11 returns at once when the server is closed.
        assert waiting.done() == (sys.version_info < (3, 12))
        protocols[0].transport.close()
        until(waiting.done)


@pytest.mark.skipif(sys.version_info < (3, 13), reason="new in Python 3.13")
@pytest.mark.parametrize("method", ["close_clients", "abort_clients"])
def test_a_server_may_end_its_connections(serve, until, method):
    server, protocols = serve()
    with visit(server) as visitor:
        until(lambda: protocols and protocols[0].told)
        server.close()
        getattr(server, method)()
        until(lambda: protocols[0].is_lost)
        assert visitor.recv(1) == b""


def test_a_factory_that_fails_ends_that_connection_only(serve, loop, until, Notes):
    calls = []

    def fail_once():
        calls.append(None)
        if len(calls) == 1:
            raise LookupError("no cups")
        return Notes()

    server, protocols = serve(factory=fail_once)
    loop.set_debug(True)
    reports = []
    loop.set_exception_handler(lambda _loop, context: reports.append(context))
    with warnings.catch_warnings(), visit(server) as first, visit(server):
        # asyncio leaves closing the socket to the collector.
        warnings.simplefilter("ignore", ResourceWarning)
        until(lambda: reports and protocols)
        (report,) = reports
        assert report["message"] == "Error on transport creation for incoming connection"
        assert isinstance(report["exception"], LookupError)
        reports.clear()
        del report
        gc.collect()
        assert first.recv(1) == b""
    loop.set_debug(False)


def test_a_factory_that_makes_no_protocol_ends_that_connection_only(loop, until, Notes):
    made = []

    def forget_once():
        made.append(Notes() if made else None)
        return made[-1]

    server = loop.run_until_complete(loop.create_server(forget_once, "127.0.0.1", 0))
    with warnings.catch_warnings(), visit(server) as first, visit(server):
        # asyncio leaves closing the transport to the collector, which warns of it.
        warnings.simplefilter("ignore", ResourceWarning)
        until(lambda: len(made) == 2 and made[1].told)
        gc.collect()
        assert first.recv(1) == b""
        server.close()
    until(lambda: made[1].is_lost)


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_an_exit_in_a_factory_leaves_the_loop(serve, until, log, error):
    def leave():
        raise error

    server, protocols = serve(factory=leave)
    with warnings.catch_warnings(), visit(server) as visitor:
        # asyncio leaves closing the socket to the collector.
        warnings.simplefilter("ignore", ResourceWarning)
        with pytest.raises(error):
            until(lambda: protocols)
        gc.collect()
        assert visitor.recv(1) == b""
    # asyncio's task had it, too.
    log.take()


def test_a_server_without_descriptors_waits_and_serves_whom_it_has(
    serve, loop, until, turn, receive, open_descriptors
):
    server, protocols = serve()
    reports = []
    loop.set_exception_handler(lambda _loop, context: reports.append(context))
    retries = []
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with visit(server) as first:
        until(lambda: protocols and protocols[0].told)
        with visit(server):
            loop.call_later = lambda delay, *call: retries.append((delay, call))
            taken = open_descriptors()
            lowest_free = next(number for number in itertools.count() if number not in taken)
            resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, hard))
            try:
                until(lambda: reports)
                turn()
                first.send(b"coffee")
                until(lambda: protocols[0].received == b"coffee")
                # It isn't told again of what it can't help.
                count = len(reports)
                turn()
                turn()
                assert len(reports) == count
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            del loop.call_later
            assert reports[0]["message"] == "socket.accept() out of system resource"
            assert reports[0]["exception"].errno == errno.EMFILE
            assert {delay for delay, _ in retries} == {1}
            assert len(protocols) == 1
            for _, (callback, *arguments) in retries:
                callback(*arguments)
            until(lambda: len(protocols) == 2)


@pytest.mark.slow
def test_ten_thousand_connections_leave_nothing_behind(
    serve, until, open_descriptors, new_loop
):
    server, protocols = serve(backlog=200)
    batch, batches = 200, 50
    before, sizes = None, []
    for _ in range(batches):
        visitors = [visit(server) for _ in range(batch)]
        until(lambda: sum(bool(p.told) for p in protocols) == batch)
        for visitor in visitors:
            visitor.close()
        until(lambda: all(p.is_lost for p in protocols))
        protocols.clear()
        before = before or open_descriptors()
        with open("/proc/self/statm") as statm:
            sizes.append(int(statm.read().split()[1]))
    assert open_descriptors().keys() == before.keys()
    # Pages: what ten batches needed is enough for fifty.
    assert sizes[-1] <= sizes[9] + 500
