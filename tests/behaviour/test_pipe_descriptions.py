"""How pipes' transports look to people, and what is logged of them in debug mode."""

import asyncio
import logging
import os
import re

import pytest


class Notes(asyncio.Protocol):
    """Writes down whether it was told of the end."""

    is_lost = False

    def connection_lost(self, error):
        self.is_lost = True


@pytest.fixture
def connect(loop, until):
    """Connects one end of a pipe, and gives the transport, its protocol and the other end."""
    made = []

    def connect(direction):
        reading, writing = os.pipe()
        near, far = (reading, writing) if direction == "read" else (writing, reading)
        far = open(far, "wb" if direction == "read" else "rb", 0)
        file = open(near, "rb" if direction == "read" else "wb", 0)
        connecting = getattr(loop, f"connect_{direction}_pipe")(Notes, file)
        transport, protocol = loop.run_until_complete(connecting)
        made.append((transport, protocol, far))
        return transport, protocol, far

    yield connect
    for transport, protocol, far in made:
        if not protocol.is_lost:
            # asyncio's can't be aborted twice.
            getattr(transport, "abort", transport.close)()
        until(lambda protocol=protocol: protocol.is_lost)
        far.close()


def shown(transport):
    """Without the class's name and the descriptor's number."""
    return re.fullmatch(r"<\w+(.*)>", repr(transport))[1].replace(
        f" fd={transport.get_extra_info('pipe').fileno()}", " fd"
    )


def test_a_pipe_that_is_read_shows_what_it_does(connect, until):
    transport, protocol, _ = connect("read")
    until(lambda: shown(transport) == " fd polling")
    transport.pause_reading()
    assert shown(transport) == " fd idle"
    transport.close()
    assert shown(transport) == " closing fd idle"
    number = transport.get_extra_info("pipe").fileno()
    until(lambda: protocol.is_lost)
    assert re.fullmatch(rf"<\w+ closed fd={number}( closed)?>", repr(transport))


def test_a_pipe_that_is_written_shows_what_waits(connect, until):
    transport, protocol, _ = connect("write")
    assert shown(transport) in (" fd idle bufsize=0", " fd polling bufsize=0")
    transport.write(bytes(1 << 20))
    waits = transport.get_write_buffer_size()
    assert waits > 0
    assert shown(transport) == f" fd polling bufsize={waits}"
    transport.close()
    assert shown(transport) == f" closing fd polling bufsize={waits}"
    number = transport.get_extra_info("pipe").fileno()
    transport.abort()
    until(lambda: protocol.is_lost)
    assert re.fullmatch(rf"<\w+ closed fd={number}( closed)?>", repr(transport))


@pytest.mark.parametrize("direction", ["read", "write"])
def test_debug_mode_logs_the_beginning_and_the_end(connect, loop, until, caplog, direction):
    caplog.set_level(logging.DEBUG, "asyncio")
    loop.set_debug(True)
    loop.slow_callback_duration = 60
    transport, protocol, far = connect(direction)
    number = transport.get_extra_info("pipe").fileno()
    far.close()
    until(lambda: protocol.is_lost)
    loop.set_debug(False)
    logged = [(record.levelname, record.getMessage()) for record in caplog.records]
    beginning, end = [entry for entry in logged if "pipe" in entry[1] or "peer" in entry[1]]
    title = direction.capitalize()
    assert beginning[0] == "DEBUG"
    assert re.fullmatch(rf"{title} pipe {number} connected: \(<.*>, <.*>\)", beginning[1])
    assert end[0] == "INFO"
    assert re.fullmatch("<.*> was closed by peer", end[1])
