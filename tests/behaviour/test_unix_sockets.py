"""Unix sockets: paths, names without a file, and what is left of both."""

import asyncio
import errno
import gc
import os
import pathlib
import socket
import stat
import sys
import warnings

import pytest

# The loop removes a server's file when that is closed.
CLEANS_UP = sys.version_info >= (3, 13)


@pytest.fixture
def path(tmp_path):
    # A socket's path has room for 107 bytes.
    return os.path.relpath(tmp_path / "counter")


@pytest.fixture
def serve(loop, until, Notes):
    made = []

    def serve(path=None, **options):
        protocol = Notes()
        server = loop.run_until_complete(
            loop.create_unix_server(lambda: protocol, path, **options)
        )
        made.append((server, protocol))
        return server, protocol

    yield serve
    for server, protocol in made:
        server.close()
        if protocol.transport is not None and not protocol.is_lost:
            protocol.transport.abort()
            until(lambda protocol=protocol: protocol.is_lost)


@pytest.mark.parametrize("as_given", [str, pathlib.Path, os.fsencode])
def test_a_path_may_be_given_in_any_form(serve, loop, until, Notes, path, as_given):
    _, served = serve(as_given(path))
    made = loop.create_unix_connection(Notes, as_given(path))
    transport, protocol = loop.run_until_complete(made)
    assert transport.get_extra_info("peername") == path
    until(lambda: served.told)
    transport.write(b"coffee")
    until(lambda: served.received == b"coffee")
    transport.close()
    until(lambda: protocol.is_lost and served.is_lost)


def test_an_abstract_name_has_no_file(serve, loop, until, Notes):
    name = f"\0cafeloop-{os.getpid()}"
    server, served = serve(name)
    assert server.sockets[0].getsockname() == name.encode()
    made = loop.create_unix_connection(Notes, name)
    transport, protocol = loop.run_until_complete(made)
    transport.close()
    until(lambda: protocol.is_lost and served.is_lost)


def test_a_stale_socket_is_replaced(serve, path):
    with socket.socket(socket.AF_UNIX) as before:
        before.bind(path)
    serve(path)


def test_another_file_is_not_replaced(serve, path):
    pathlib.Path(path).write_text("beans")
    with pytest.raises(OSError, match="is already in use") as caught:
        serve(path)
    assert caught.value.errno == errno.EADDRINUSE
    assert pathlib.Path(path).read_text() == "beans"


def test_a_path_that_can_not_be_had_is_an_error(serve, tmp_path):
    with pytest.raises(FileNotFoundError):
        serve(str(tmp_path / "nowhere" / "counter"))


@pytest.mark.parametrize("mask", [0o000, 0o077, 0o177])
def test_who_may_come_in_is_what_the_mask_says(serve, path, mask):
    before = os.umask(mask)
    try:
        serve(path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o777 & ~mask


def test_who_may_not_come_in_is_told(run_script):
    """A stranger is stopped at the door, and makes none where nothing may be made."""
    assert run_script(STRANGER) == "connect: refused\nserve: refused\nleft: ['counter']\n"


# Whoever is root may do anything, and so becomes somebody else.
STRANGER = """
import asyncio, os, tempfile

async def attempt(name, making):
    try:
        await making
    except PermissionError:
        print(f"{name}: refused")

async def main(folder):
    loop = asyncio.get_running_loop()
    server = await loop.create_unix_server(asyncio.Protocol, f"{folder}/counter")
    os.chmod(f"{folder}/counter", 0o000)
    os.chmod(folder, 0o555)
    if os.geteuid() == 0:
        os.seteuid(65534)
    await attempt("connect", loop.create_unix_connection(asyncio.Protocol, f"{folder}/counter"))
    await attempt("serve", loop.create_unix_server(asyncio.Protocol, f"{folder}/kitchen"))
    if os.getuid() == 0:
        os.seteuid(0)
    print("left:", os.listdir(folder))
    os.chmod(folder, 0o755)
    server.close()

with tempfile.TemporaryDirectory() as folder, asyncio.Runner(loop_factory=new_loop) as runner:
    runner.run(main(folder))
"""


def test_a_closed_server_leaves_no_file_behind(serve, path):
    server, _ = serve(path)
    assert os.path.exists(path)
    server.close()
    assert os.path.exists(path) != CLEANS_UP


@pytest.mark.skipif(not CLEANS_UP, reason="new in Python 3.13")
def test_the_file_may_be_kept(serve, path):
    server, _ = serve(path, cleanup_socket=False)
    server.close()
    assert os.path.exists(path)


@pytest.mark.skipif(not CLEANS_UP, reason="new in Python 3.13")
def test_a_file_of_somebody_elses_stays(serve, path):
    server, _ = serve(path)
    os.rename(path, path + ".mine")
    pathlib.Path(path).write_text("beans")
    server.close()
    assert pathlib.Path(path).read_text() == "beans"
    os.remove(path + ".mine")


def test_a_file_that_is_gone_is_nothing_to_complain_of(serve, path):
    server, _ = serve(path)
    os.remove(path)
    server.close()


def test_a_users_socket_is_served(serve, loop, until, Notes, path):
    sock = socket.socket(socket.AF_UNIX)
    sock.bind(path)
    server, served = serve(sock=sock)
    near = socket.socket(socket.AF_UNIX)
    near.connect(path)
    made = loop.create_unix_connection(Notes, sock=near)
    transport, protocol = loop.run_until_complete(made)
    until(lambda: served.told)
    transport.close()
    until(lambda: protocol.is_lost and served.is_lost)


def test_nobody_behind_a_path_is_an_error(loop, Notes, path):
    with pytest.raises(FileNotFoundError):
        loop.run_until_complete(loop.create_unix_connection(Notes, path))
    with socket.socket(socket.AF_UNIX) as before:
        before.bind(path)
    with pytest.raises(ConnectionRefusedError):
        loop.run_until_complete(loop.create_unix_connection(Notes, path))


@pytest.mark.parametrize("method", ["create_unix_connection", "create_unix_server"])
def test_arguments_that_contradict_each_other_are_refused(loop, Notes, path, method):
    call = getattr(loop, method)
    with socket.socket() as inet, socket.socket(socket.AF_UNIX) as unix:
        for arguments, options, text in [
            ((), {}, "no.* sock.* specified"),
            ((path,), {"sock": unix}, "can not be specified at the same time"),
            ((), {"sock": inet}, "A UNIX Domain Stream Socket was expected"),
            ((path,), {"ssl_handshake_timeout": 1}, "only meaningful with ssl"),
        ]:
            with pytest.raises(ValueError, match=text):
                loop.run_until_complete(call(Notes, *arguments, **options))


def test_tls_needs_a_name_to_ask_for(loop, Notes, path, contexts):
    making = loop.create_unix_connection(Notes, path, ssl=contexts.client)
    with pytest.raises(ValueError, match="you have to pass server_hostname when using ssl"):
        loop.run_until_complete(making)


@pytest.mark.parametrize("ssl", [True, False])
def test_a_server_wants_a_context_or_none(loop, Notes, path, ssl):
    making = loop.create_unix_server(Notes, path, ssl=ssl)
    with pytest.raises(TypeError, match="ssl argument must be an SSLContext or None"):
        loop.run_until_complete(making)
    assert not os.path.exists(path)


def test_a_path_that_is_taken_leaves_no_socket_behind(loop, Notes, path, open_descriptors):
    with open(path, "w"):
        pass
    # A loop may open some when it first runs.
    loop.run_until_complete(asyncio.sleep(0))
    before = open_descriptors()
    with pytest.raises(OSError) as raised:
        loop.run_until_complete(loop.create_unix_server(Notes, path))
    assert raised.value.errno == errno.EADDRINUSE
    assert open_descriptors() == before


def test_a_path_that_no_system_can_have_leaves_no_socket_behind(loop, Notes, open_descriptors):
    loop.run_until_complete(asyncio.sleep(0))
    before = open_descriptors()
    with warnings.catch_warnings():
        # asyncio leaves closing the socket to the collector.
        warnings.simplefilter("ignore", ResourceWarning)
        with pytest.raises(ValueError, match="embedded null"):
            loop.run_until_complete(loop.create_unix_server(Notes, "counter\0bell"))
        gc.collect()
    assert open_descriptors() == before


@pytest.mark.skipif(not CLEANS_UP, reason="new in Python 3.13")
def test_a_file_that_can_not_be_removed_is_logged(serve, path, log, monkeypatch):
    server, _ = serve(path)

    def unlink(path):
        raise PermissionError(errno.EACCES, "locked")

    monkeypatch.setattr(os, "unlink", unlink)
    server.close()
    text = log.take_one().getMessage()
    assert text.startswith(f"Unable to clean up listening UNIX socket '{path}': PermissionError")
