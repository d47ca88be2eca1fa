"""What this version doesn't have yet, and says so as any loop without it: it shrinks to nothing.

The standard library's loop has all of it, so these tests are for ours alone.
"""

import pytest

pytestmark = pytest.mark.parametrize("loop_name", ["cafeloop"], indirect=True)

MISSING = {
    "sock_recv": lambda loop: loop.sock_recv(None, 1),
    "sock_recv_into": lambda loop: loop.sock_recv_into(None, bytearray(1)),
    "sock_recvfrom": lambda loop: loop.sock_recvfrom(None, 1),
    "sock_recvfrom_into": lambda loop: loop.sock_recvfrom_into(None, bytearray(1)),
    "sock_sendall": lambda loop: loop.sock_sendall(None, b""),
    "sock_sendto": lambda loop: loop.sock_sendto(None, b"", None),
    "sock_connect": lambda loop: loop.sock_connect(None, None),
    "sock_accept": lambda loop: loop.sock_accept(None),
    "sock_sendfile": lambda loop: loop.sock_sendfile(None, None),
    "sendfile": lambda loop: loop.sendfile(None, None),
    "start_tls": lambda loop: loop.start_tls(None, None, None),
    "create_connection": lambda loop: loop.create_connection(None),
    "create_server": lambda loop: loop.create_server(None),
    "create_unix_connection": lambda loop: loop.create_unix_connection(None),
    "create_unix_server": lambda loop: loop.create_unix_server(None),
    "connect_accepted_socket": lambda loop: loop.connect_accepted_socket(None, None),
    "create_datagram_endpoint": lambda loop: loop.create_datagram_endpoint(None),
    "connect_read_pipe": lambda loop: loop.connect_read_pipe(None, None),
    "connect_write_pipe": lambda loop: loop.connect_write_pipe(None, None),
    "subprocess_shell": lambda loop: loop.subprocess_shell(None, None),
    "subprocess_exec": lambda loop: loop.subprocess_exec(None),
    "getaddrinfo": lambda loop: loop.getaddrinfo(None, None),
    "getnameinfo": lambda loop: loop.getnameinfo(None),
}


@pytest.mark.parametrize("name", MISSING)
def test_what_is_not_there_yet_says_so(loop, name):
    with pytest.raises(NotImplementedError):
        loop.run_until_complete(MISSING[name](loop))
