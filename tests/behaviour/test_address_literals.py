"""Looking up what is an address already: the answer is the system's, whoever gives it."""

import asyncio
import itertools
import socket
import sys

import pytest

HOSTS = [
    "127.0.0.1",
    "255.255.255.255",
    "127.1",
    "127.0.0.01",
    "0x7f.1",
    " 127.0.0.1",
    "::1",
    "::",
    "2001:DB8:0:0:0:0:0:1",
    "::ffff:1.2.3.4",
    "::1.2.3.4",
    "fe80::1",
    "::1%1",
    "",
    None,
    b"127.0.0.1",
    "no.such.name.invalid",
    "1.2.3.4\0",
]
PORTS = [80, 0, 65535, "80", "080", "0", "65536", "", None, b"80", "http", True, " 80", "８０"]
ASKED = [
    {"type": socket.SOCK_STREAM},
    {"type": 1, "proto": 6},
    {"type": socket.SOCK_DGRAM, "proto": socket.IPPROTO_UDP},
    {"type": socket.SOCK_DGRAM, "proto": socket.IPPROTO_TCP},
    {"type": socket.SOCK_RAW},
    {"type": socket.SOCK_STREAM, "family": socket.AF_INET},
    {"type": socket.SOCK_STREAM, "family": 10},
    {"type": socket.SOCK_STREAM, "family": socket.AF_UNIX},
    {"type": socket.SOCK_STREAM, "flags": socket.AI_CANONNAME},
    {"type": socket.SOCK_STREAM, "flags": socket.AI_NUMERICHOST},
    {"type": socket.SOCK_STREAM, "flags": socket.AI_PASSIVE | socket.AI_NUMERICSERV},
    {"type": socket.SOCK_STREAM, "flags": socket.AI_V4MAPPED, "family": socket.AF_INET6},
    {},
]


def outcome(look_up):
    try:
        found = look_up()
    except Exception as error:
        return type(error), error.args
    # What prints alike is of the same class.
    return repr(found)


@pytest.mark.parametrize("host", HOSTS, ids=repr)
def test_the_answer_is_the_systems(run, host):
    async def main():
        loop = asyncio.get_running_loop()
        for port, asked in itertools.product(PORTS, ASKED):
            # Without a look-up on the network: names are refused by the system itself.
            flags = asked.get("flags", 0)
            if isinstance(host, str) and "invalid" in host:
                flags |= socket.AI_NUMERICHOST
            asked = {**asked, "flags": flags}
            try:
                found = repr(await loop.getaddrinfo(host, port, **asked))
            except Exception as error:
                found = type(error), error.args
            expected = outcome(lambda: socket.getaddrinfo(host, port, **asked))  # noqa: B023
            assert found == expected, (host, port, asked)

    run(main)


@pytest.mark.parametrize("loop_name", ["cafeloop"], indirect=True)
@pytest.mark.parametrize(
    ("host", "port"), [("127.0.0.1", 80), ("::1", "80"), ("2001:DB8::1", 0), ("::", None)]
)
@pytest.mark.parametrize("flags", [0, socket.AI_PASSIVE, socket.AI_NUMERICHOST])
def test_a_literal_needs_no_thread(loop, host, port, flags):
    look_up = loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
    found = loop.run_until_complete(look_up)
    assert found == socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
    assert loop._default_executor is None


def test_debug_mode_asks_the_system(loop):
    loop.set_debug(True)
    loop.run_until_complete(loop.getaddrinfo("127.0.0.1", 80, type=socket.SOCK_STREAM))
    assert loop._default_executor is not None


def test_somebody_elses_getaddrinfo_is_asked(loop, monkeypatch):
    answer = [(2, 1, 6, "", ("192.0.2.1", 80))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *asked: answer)
    look_up = loop.getaddrinfo("127.0.0.1", 80, type=socket.SOCK_STREAM)
    assert loop.run_until_complete(look_up) == answer


def test_a_look_up_is_audited(loop):
    heard = []
    listening = True

    def hear(event, asked):
        if listening and event == "socket.getaddrinfo":
            heard.append(asked)

    # It can't be taken back.
    sys.addaudithook(hear)
    loop.run_until_complete(loop.getaddrinfo("127.0.0.1", 80, type=socket.SOCK_STREAM))
    listening = False
    assert heard == [("127.0.0.1", 80, 0, socket.SOCK_STREAM, 0)]
