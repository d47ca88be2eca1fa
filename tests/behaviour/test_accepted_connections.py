"""What is known of a connection that a server has accepted, before and after its end."""

import os
import socket

import pytest


@pytest.fixture
def accept(loop, until, Notes):
    """Serves one visitor: gives the transport, its protocol, and the visitor."""
    ends = []

    def accept(host="127.0.0.1", *, path=None):
        protocols = []

        def make():
            protocols.append(Notes())
            return protocols[-1]

        if path is None:
            making = loop.create_server(make, host, 0, family=socket.AF_INET)
        else:
            making = loop.create_unix_server(make, path)
        server = loop.run_until_complete(making)
        address = server.sockets[0].getsockname()
        visitor = socket.socket(socket.AF_INET if path is None else socket.AF_UNIX)
        visitor.connect(path or ("127.0.0.1", address[1]))
        until(lambda: protocols and protocols[0].told)
        ends.append((server, visitor, protocols[0]))
        return protocols[0].transport, protocols[0], visitor

    yield accept
    for server, visitor, protocol in ends:
        server.close()
        visitor.close()
        until(lambda protocol=protocol: protocol.is_lost)


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_its_addresses_are_the_visitors_the_other_way_round(accept, host):
    transport, _, visitor = accept(host)
    assert transport.get_extra_info("peername") == visitor.getsockname()
    assert transport.get_extra_info("sockname") == visitor.getpeername()
    assert transport.get_extra_info("cup", "none") == "none"


def test_on_a_unix_socket_only_one_side_has_a_name(accept, tmp_path):
    path = os.path.relpath(tmp_path / "counter")
    transport, _, _ = accept(path=path)
    assert transport.get_extra_info("peername") == ""
    assert transport.get_extra_info("sockname") == path


def test_its_socket_is_one_of_pythons(accept, until, receive):
    transport, protocol, visitor = accept()
    sock = transport.get_extra_info("socket")
    assert transport.get_extra_info("socket") is sock
    assert sock.getpeername() == visitor.getsockname()
    assert (sock.family, sock.type) == (socket.AF_INET, socket.SOCK_STREAM)
    assert sock.gettimeout() == 0
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    assert not sock.get_inheritable()
    # It is still the connection's.
    visitor.send(b"coffee")
    until(lambda: protocol.received == b"coffee")
    transport.write(b"tea")
    assert visitor.recv(100) == b"tea"


def test_who_asks_for_its_socket_may_not_watch_it(accept, loop):
    transport, _, _ = accept()
    number = transport.get_extra_info("socket").fileno()
    with pytest.raises(RuntimeError, match="is used by transport"):
        loop.add_reader(number, print)


@pytest.mark.parametrize("asks_before", [True, False])
def test_after_the_end_the_addresses_are_known_and_the_socket_is_closed(
    accept, until, asks_before
):
    transport, protocol, visitor = accept()
    names = (visitor.getsockname(), visitor.getpeername())
    if asks_before:
        transport.get_extra_info("socket")
    transport.close()
    until(lambda: protocol.is_lost)
    until(lambda: transport.get_protocol() is None)
    extra = transport.get_extra_info
    assert (extra("peername"), extra("sockname")) == names
    assert extra("socket").fileno() == -1
    assert visitor.recv(100) == b""


def test_its_descriptor_is_closed_with_it(accept, until, open_descriptors):
    transport, protocol, _ = accept()
    number = transport.get_extra_info("socket").fileno()
    assert f"fd={number} " in repr(transport)
    transport.abort()
    until(lambda: transport.get_protocol() is None)
    assert number not in open_descriptors()
    assert f"closed fd={number}" in repr(transport)
