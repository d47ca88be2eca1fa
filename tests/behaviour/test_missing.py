"""What this version doesn't have yet, and says so as any loop without it: it shrinks to nothing.

The standard library's loop has all of it, so these tests are for ours alone.
"""

import pytest

pytestmark = pytest.mark.parametrize("loop_name", ["cafeloop"], indirect=True)

# Refused before anybody looks at what it is.
CONTEXT = object()

MISSING = {
    "start_tls": lambda loop: loop.start_tls(None, None, None),
    "connect_read_pipe": lambda loop: loop.connect_read_pipe(None, None),
    "connect_write_pipe": lambda loop: loop.connect_write_pipe(None, None),
    "subprocess_shell": lambda loop: loop.subprocess_shell(None, None),
    "subprocess_exec": lambda loop: loop.subprocess_exec(None),
    "create_connection with TLS": lambda loop: loop.create_connection(None, "localhost", ssl=True),
    "create_server with TLS": lambda loop: loop.create_server(None, "localhost", ssl=CONTEXT),
    "create_unix_connection with TLS": lambda loop: loop.create_unix_connection(
        None, "/", ssl=CONTEXT, server_hostname=""
    ),
    "create_unix_server with TLS": lambda loop: loop.create_unix_server(None, "/", ssl=CONTEXT),
}


@pytest.mark.parametrize("name", MISSING)
def test_what_is_not_there_yet_says_so(loop, name):
    with pytest.raises(NotImplementedError):
        loop.run_until_complete(MISSING[name](loop))
