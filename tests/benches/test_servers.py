"""The servers of the rows, on asyncio: each answers what its row's load asks."""

import asyncio
import gc
import socket
import ssl

import pytest

from benches.compare.catalogue import find_rows
from benches.compare.row import Place, Server
from benches.rows.transports import CERTIFICATE

SERVERS = [entry for entry in find_rows() if isinstance(entry.row, Server)]
# Rows that differ by their load alone share a server.
ONE_OF_EACH = list({entry.row.serve: entry for entry in SERVERS}.values())
MESSAGE = bytes(range(256)) * 4


# What they open is closed by the end of their process, which is here that of the tests.
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("entry", ONE_OF_EACH, ids=lambda entry: entry.row.name)
@pytest.mark.parametrize("connections", [1, 3])
def test_a_server_answers(entry, connections, tmp_path):
    if entry.missing():
        pytest.skip(f"needs {entry.missing()}")

    async def serve_and_ask():
        listening = asyncio.get_running_loop().create_future()
        server = asyncio.create_task(entry.row.serve(Place(tmp_path, listening.set_result)))
        await asyncio.wait([server, listening], return_when=asyncio.FIRST_COMPLETED)
        assert listening.done(), server.exception()
        address = listening.result()
        client = [asyncio.to_thread(ask, entry.row.load, address) for _ in range(connections)]
        await asyncio.gather(*client)
        server.cancel()
        await asyncio.wait([server])

    with asyncio.Runner() as runner:
        runner.run(serve_and_ask())
    gc.collect()


def ask(load, address):
    """Asks once or twice what the load program would ask again and again."""
    work, transport = load[:2]
    with connected(transport, address) as client:
        client.settimeout(10)
        match work:
            case "echo" | "churn":
                for message in (MESSAGE, MESSAGE[::-1]):
                    client.sendall(message)
                    assert received(client, len(message)) == message
            case "upload":
                for length in (1, 300_000):
                    client.sendall(length.to_bytes(8) + bytes(length))
                    assert received(client, 8) == length.to_bytes(8)
            case "download":
                for length in (1, 300_000):
                    client.sendall(length.to_bytes(8))
                    expected = bytes(range(251)) * (length // 251 + 1)
                    assert received(client, length) == expected[:length]
            case "http":
                body = load[load.index("--body") + 1].encode()
                for _ in range(2):
                    client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
                    response = b""
                    while not response.endswith(body):
                        response += client.recv(4096)
                    assert response.startswith(b"HTTP/1.1 200 OK\r\n")


def connected(transport, address):
    if transport == "--unix":
        client = socket.socket(socket.AF_UNIX)
        client.connect(address)
        return client
    host, port = address.split(":")
    if transport == "--udp":
        client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        client.connect((host, int(port)))
        return client
    client = socket.create_connection((host, int(port)))
    if transport == "--tls":
        context = ssl.create_default_context(cafile=CERTIFICATE)
        return context.wrap_socket(client, server_hostname="localhost")
    return client


def received(client, count):
    data = b""
    while len(data) < count:
        piece = client.recv(65536)
        assert piece, f"the server hung up after {len(data)} of {count} bytes"
        data += piece
    return data


@pytest.mark.parametrize("entry", SERVERS, ids=lambda entry: entry.row.name)
def test_a_load_says_whom_it_asks_and_no_more_than_the_harness_leaves_to_it(entry):
    load = entry.row.load
    assert load[2] == "{address}"
    # The harness's own.
    assert not {"--seconds", "--requests", "--warm-up", "--pid", "--json"} & set(load)
    assert entry.row.limit is None or entry.row.limit[:2] == ("cafeloop-load", "raw")
