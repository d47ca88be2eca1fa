"""What a loop in debug mode logs of its connections: asyncio's words, for people and their tools."""

import asyncio
import errno
import logging
import os
import re
import socket
import sys

import pytest

# 192.0.2.1 is nobody's (RFC 5737).
NOBODYS = "192.0.2.1"


@pytest.fixture
def logged(loop, caplog):
    """Switches debug mode on; says with which levels what matches was logged since."""
    caplog.set_level(logging.DEBUG, "asyncio")
    loop.set_debug(True)
    # Nothing is so slow.
    loop.slow_callback_duration = 60

    def logged(pattern):
        found = [it for it in caplog.records if re.search(pattern, it.getMessage())]
        return [it.levelname for it in found]

    yield logged
    loop.set_debug(False)


def test_a_server_and_its_connections_are_logged(loop, until, Notes, logged):
    served = []

    def factory():
        served.append(Notes())
        return served[-1]

    server = loop.run_until_complete(loop.create_server(factory, "127.0.0.1", 0))
    host, port = server.sockets[0].getsockname()
    assert logged("^<Server sockets=.*> is serving$") == ["INFO"]
    transport, protocol = loop.run_until_complete(loop.create_connection(Notes, host, port))
    sock = re.escape(repr(transport.get_extra_info("socket")))
    assert logged(rf"^{sock} connected to {host}:{port}: \(<.*>, <.*>\)$") == ["DEBUG"]
    until(lambda: served and served[0].told)
    mine = transport.get_extra_info("sockname")
    text = rf"^<Server .*> got a new connection from {re.escape(repr(mine))}: <.*>$"
    assert logged(text) == ["DEBUG"]
    transport.close()
    until(lambda: protocol.is_lost and served[0].is_lost)
    assert logged("^<.*Transport .*> received EOF$") == ["DEBUG"]
    server.close()


def test_a_socket_that_is_handed_over_is_logged(loop, until, Notes, logged):
    near, far = socket.socketpair()
    with far:
        making = loop.connect_accepted_socket(Notes, near)
        transport, protocol = loop.run_until_complete(making)
        sock = re.escape(repr(transport.get_extra_info("socket")))
        assert logged(rf"^{sock} handled: \(<.*>, <.*>\)$") == ["DEBUG"]
        transport.pause_reading()
        assert logged("^<.*> pauses reading$") == ["DEBUG"]
        transport.resume_reading()
        assert logged("^<.*> resumes reading$") == ["DEBUG"]
        transport.abort()
        until(lambda: protocol.is_lost)


def test_an_endpoint_without_an_address_of_its_own_is_logged(loop, until, endpoint, logged):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as far:
        far.bind(("127.0.0.1", 0))
        endpoint(remote_addr=far.getsockname())
        remote = re.escape(repr(far.getsockname()))
        text = rf"^Datagram endpoint remote_addr={remote} created: \(<.*>, <.*>\)$"
        assert logged(text) == ["DEBUG"]


@pytest.mark.parametrize(("limit", "level"), [(0, "INFO"), (60, "DEBUG")])
def test_a_look_up_is_logged_with_its_time(loop, logged, log, monkeypatch, limit, level):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *arguments: [])
    loop.slow_callback_duration = limit
    loop.run_until_complete(loop.getaddrinfo("café", 80, type=1, flags=2))
    assert logged("^Get address info café:80, type=1, flags=2$") == ["DEBUG"]
    text = r"^Getting address info café:80, type=1, flags=2 took \d+\.\d{3}ms: \[\]$"
    assert logged(text) == [level]
    loop.run_until_complete(loop.shutdown_default_executor())
    # With that limit everything is slow.
    assert {it.getMessage().split()[0] for it in log.take()} <= {"Executing"}


def test_addresses_that_can_not_be_served_are_logged(loop, logged, log):
    kind = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "")
    unheard_of = (12345, *kind[1:])

    async def getaddrinfo(host, port, **options):
        return [(*kind, ("127.0.0.1", 0)), (*kind, (NOBODYS, 0)), (*unheard_of, ("x", 0))]

    loop.getaddrinfo = getaddrinfo
    making = loop.create_server(asyncio.Protocol, "café", 0)
    if sys.version_info < (3, 13):
        # One that isn't this machine's keeps all from being served.
        with pytest.raises(OSError, match=f"address .*{NOBODYS}.*assign") as raised:
            loop.run_until_complete(making)
        assert raised.value.errno == errno.EADDRNOTAVAIL
        # Which of the others comes first isn't promised.
        log.take()
        return
    server = loop.run_until_complete(making)
    assert [sock.getsockname()[0] for sock in server.sockets] == ["127.0.0.1"]
    text = f"error while attempting to bind on address ('{NOBODYS}', 0): [errno 99] "
    assert logged("^" + re.escape(text)) == ["WARNING"]
    text = r"create_server\(\) failed to create socket.socket\(12345, .*SOCK_STREAM.*, 6\)$"
    assert logged("^" + text) == ["WARNING"]
    assert {it.exc_info is None for it in log.take()} == {True, False}
    server.close()


def test_a_path_that_can_not_be_looked_at_is_logged(loop, tmp_path, log):
    (tmp_path / "counter").touch()
    path = os.path.relpath(tmp_path / "counter" / "bell")
    making = loop.create_unix_server(asyncio.Protocol, path)
    with pytest.raises(NotADirectoryError):
        loop.run_until_complete(making)
    text = log.take_one().getMessage()
    assert text.startswith(f"Unable to check or remove stale UNIX socket '{path}': ")


def test_without_debug_mode_nothing_is_logged(loop, until, link, Notes, caplog):
    caplog.set_level(logging.DEBUG, "asyncio")
    protocol = Notes()
    transport, far = link(protocol)
    transport.pause_reading()
    transport.resume_reading()
    far.shutdown(socket.SHUT_WR)
    until(lambda: protocol.is_lost)
    assert caplog.records == []
