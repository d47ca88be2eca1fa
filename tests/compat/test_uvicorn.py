"""uvicorn: requests, streams and WebSockets, and an end by a signal that loses nobody's answer."""

import http.client
import re
import signal
import socket

import pytest
from websockets.sync.client import connect

pytestmark = pytest.mark.slow

APPLICATION = """
import asyncio

released = asyncio.Event()


async def app(scope, receive, send):
    await {"lifespan": lifespan, "http": serve, "websocket": talk}[scope["type"]](
        scope, receive, send
    )


async def lifespan(scope, receive, send):
    for stage in ("startup", "shutdown"):
        assert (await receive())["type"] == f"lifespan.{stage}"
        print(stage, flush=True)
        await send({"type": f"lifespan.{stage}.complete"})


async def serve(scope, receive, send):
    await PATHS[scope["path"]](receive, send)


async def echo(receive, send):
    body, more = b"", True
    print("begun", flush=True)
    while more:
        message = await receive()
        body, more = body + message["body"], message.get("more_body")
    await answer(send, body)


async def drip(receive, send):
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": b"one,", "more_body": True})
    await released.wait()
    await send({"type": "http.response.body", "body": b"two"})


async def release(receive, send):
    released.set()
    await answer(send, b"")


async def wait(receive, send):
    while (await receive())["type"] != "http.disconnect":
        pass
    print("disconnected", flush=True)


async def fail(receive, send):
    raise ValueError("spilt")


async def answer(send, body):
    await send({"type": "http.response.start", "status": 200,
                "headers": [(b"content-length", str(len(body)).encode())]})
    await send({"type": "http.response.body", "body": body})


async def talk(scope, receive, send):
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({**message, "type": "websocket.send"})
    print("closed with", message["code"], flush=True)


PATHS = {"/echo": echo, "/drip": drip, "/release": release, "/wait": wait, "/fail": fail}
"""


class Server:
    def __init__(self, program):
        self.program = program
        assert program.line() == "startup"
        self.port = int(program.wait_for(r"running on https?://127\.0\.0\.1:(\d+)")[1])
        self.address = ("127.0.0.1", self.port)

    def request(self, method, path, body=None):
        connection = http.client.HTTPConnection(*self.address)
        connection.request(method, path, body)
        return connection, connection.getresponse()

    def end(self, number=signal.SIGTERM):
        self.program.process.send_signal(number)
        return self.program.end()


COMMAND = ("uvicorn", "cafe:app", "--port", "0", "--no-access-log")

# uvicorn hands the signal on to whoever handled it before.
ENDED = -signal.SIGTERM, "shutdown\n"


@pytest.fixture(params=["h11", "httptools"])
def parser(request):
    return request.param


@pytest.fixture
def serve(start_program, factory, parser, tmp_path):
    (tmp_path / "cafe.py").write_text(APPLICATION)

    def serve(*options):
        arguments = (*COMMAND, "--http", parser, *options)
        return Server(start_program("-m", *arguments, "--loop", factory))

    return serve


def test_one_connection_serves_many_requests(serve):
    server = serve()
    connection = http.client.HTTPConnection(*server.address)
    ports = set()
    for size in (0, 1, 1000, 1 << 20):
        connection.request("POST", "/echo", bytes(size))
        ports.add(connection.sock.getsockname()[1])
        assert connection.getresponse().read() == bytes(size)
        assert server.program.line() == "begun"
    assert len(ports) == 1
    connection.close()
    assert server.end() == ENDED


def test_what_is_sent_while_the_answer_lasts_arrives_meanwhile(serve):
    server = serve()
    dripping, response = server.request("GET", "/drip")
    assert response.read(4) == b"one,"
    server.request("GET", "/release")[0].close()
    assert response.read() == b"two"
    dripping.close()
    assert server.end() == ENDED


def test_requests_in_one_packet_are_answered_in_order(serve):
    server = serve()
    request = "POST /echo HTTP/1.1\r\nHost: cafe\r\nContent-Length: 5\r\n\r\n{}"
    with socket.create_connection(server.address) as sock:
        sock.sendall("".join(request.format(word) for word in ("latte", "mocha")).encode())
        received = b""
        while received.count(b"\r\n\r\n") < 2 or not received.endswith(b"mocha"):
            received += sock.recv(65536)
    assert re.findall(rb"\r\n\r\n(\w{5})", received) == [b"latte", b"mocha"]
    assert server.end() == (ENDED[0], "begun\nbegun\nshutdown\n")


def test_a_client_that_leaves_is_noticed(serve):
    server = serve()
    with socket.create_connection(server.address) as sock:
        sock.sendall(b"GET /wait HTTP/1.1\r\nHost: cafe\r\n\r\n")
    assert server.program.line() == "disconnected"
    assert server.end() == ENDED


def test_a_handler_that_fails_is_an_answer_and_the_server_goes_on(serve):
    server = serve()
    connection, response = server.request("GET", "/fail")
    assert response.status == 500
    connection.close()
    server.program.wait_for("ValueError: spilt")
    server.program.said.clear()
    connection, response = server.request("POST", "/echo", b"latte")
    assert response.read() == b"latte"
    connection.close()
    assert server.end() == (ENDED[0], "begun\nshutdown\n")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_request_that_is_under_way_is_answered_before_the_end(serve, number):
    server = serve()
    with socket.create_connection(server.address) as sock:
        sock.sendall(b"POST /echo HTTP/1.1\r\nHost: cafe\r\nContent-Length: 5\r\n\r\nlat")
        assert server.program.line() == "begun"
        server.program.process.send_signal(number)
        server.program.wait_for("Waiting for connections to close")
        # Nobody else comes in.
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(server.address).close()
        sock.sendall(b"te")
        received = b""
        while data := sock.recv(65536):
            received += data
        assert received.endswith(b"\r\n\r\nlatte")
    # Which takes Ctrl-C for the wish of whoever is there.
    status = 0 if number == signal.SIGINT else -number
    assert server.program.end() == (status, "shutdown\n")


def test_websockets_echo_and_are_closed(serve):
    server = serve()
    with connect(f"ws://127.0.0.1:{server.port}/", max_size=None) as websocket:
        for message in ("latte", b"mocha", "", "x" * (1 << 20)):
            websocket.send(message)
            assert websocket.recv() == message
        websocket.ping().wait()
    assert server.program.line() == "closed with 1000"
    assert server.end() == ENDED


def test_it_serves_on_whatever_loop_asyncio_makes(serve, start_program, launcher, parser):
    # uvicorn makes no loop of its own then.
    server = Server(
        start_program(*launcher, *COMMAND, "--loop", "none", "--http", parser)
    )
    connection, response = server.request("POST", "/echo", b"latte")
    assert response.read() == b"latte"
    connection.close()
    assert server.end() == (ENDED[0], "begun\nshutdown\n")


def test_it_serves_tls(serve, certificate):
    server = serve("--ssl-keyfile", certificate.key, "--ssl-certfile", certificate.chain)
    connection = http.client.HTTPSConnection(*server.address, context=certificate.client)
    for size in (0, 1000, 1 << 20):
        connection.request("POST", "/echo", bytes(size))
        assert connection.getresponse().read() == bytes(size)
        assert server.program.line() == "begun"
    connection.close()
    with connect(f"wss://127.0.0.1:{server.port}/", ssl=certificate.client) as websocket:
        websocket.send("latte")
        assert websocket.recv() == "latte"
    assert server.program.line() == "closed with 1000"
    assert server.end() == ENDED
