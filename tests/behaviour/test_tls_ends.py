"""How connections over TLS end: last words, ends of the carrier, closing, aborting."""

import gc
import socket
import warnings

import pytest
import tls_peer


@pytest.fixture(params=["client", "server"])
def server_side(request):
    """Which side is the loop's."""
    return request.param == "server"


def test_a_close_exchanges_last_words(Notes, LOST, secure_link, together, server_side):
    protocol = Notes()
    transport, peer = secure_link(protocol, server_side=server_side)
    transport.close()
    assert transport.is_closing()
    together(peer, lambda: "last word" in peer.ends)
    assert not protocol.is_lost, "the other side hasn't said its own"
    peer.say_last_word()
    together(peer, lambda: protocol.is_lost)
    assert protocol.told == ["made", "eof", LOST]
    assert "end" in peer.ends or "reset" in peer.ends


def test_a_close_delivers_what_was_written(Notes, LOST, secure_link, together):
    protocol = Notes()
    transport, peer = secure_link(protocol)
    much = bytes(range(256)) * 8000
    transport.write(b"mocha")
    transport.write(much)
    transport.write(b"latte")
    transport.close()
    together(peer, lambda: "last word" in peer.ends)
    assert peer.received == b"mocha" + much + b"latte"
    peer.say_last_word()
    together(peer, lambda: protocol.is_lost)
    assert protocol.told[-1] == LOST


def test_a_last_word_ends_the_connection(Notes, LOST, secure_link, together, server_side):
    protocol = Notes()
    transport, peer = secure_link(protocol, server_side=server_side)
    peer.write(b"mocha")
    peer.say_last_word()
    together(peer, lambda: protocol.is_lost)
    assert protocol.told == ["made", b"mocha", "eof", LOST]
    assert transport.is_closing()
    assert "last word" in peer.ends


def test_what_is_written_at_the_last_word_is_too_late(Notes, secure_link, together):
    class Polite(Notes):
        def eof_received(self):
            self.transport.write(b"goodbye")
            return super().eof_received()

    protocol = Polite()
    _transport, peer = secure_link(protocol)
    peer.say_last_word()
    together(peer, lambda: protocol.is_lost)
    # OpenSSL sends it, and who reads after his own last word gets it.
    assert peer.received in (b"", b"goodbye")
    assert protocol.told[1] == "eof"


@pytest.mark.parametrize("way", ["last word", "end"])
def test_who_says_his_last_word_still_gets_what_is_on_its_way(
    Notes, LOST, secure_link, together, loop_name, way
):
    protocol = Notes()
    transport, peer = secure_link(protocol)
    much = bytes(range(256)) * 16000
    transport.write(much)
    if loop_name == "cafeloop":
        # What the carrier doesn't take any more waits to be given to it.  asyncio's gives
        # it to a carrier that is closed by then, and reports that for ever.
        transport.write(much)
    if way == "last word":
        peer.say_last_word()
    else:
        peer.sock.shutdown(1)
    together(peer, lambda: protocol.is_lost)
    together(peer, lambda: "end" in peer.ends)
    assert peer.received == much * (2 if loop_name == "cafeloop" else 1)
    assert "eof" in protocol.told
    assert protocol.told[-1] == LOST


def test_keeping_the_connection_open_has_no_effect(Notes, secure_link, together, log):
    protocol = Notes(keeps_open=True)
    _transport, peer = secure_link(protocol)
    peer.say_last_word()
    together(peer, lambda: protocol.is_lost)
    message = log.take_one().getMessage()
    assert message == "returning true from eof_received() has no effect when using ssl"


def test_an_end_without_a_last_word_is_an_end(Notes, LOST, secure_link, until, server_side):
    protocol = Notes()
    _transport, peer = secure_link(protocol, server_side=server_side)
    peer.write(b"mocha")
    peer.sock.shutdown(1)
    until(lambda: protocol.is_lost)
    assert protocol.told == ["made", b"mocha", "eof", LOST]


def test_a_reset_is_told_as_an_error(Notes, secure_link, until, tcp_pair):
    protocol = Notes()
    transport, peer = secure_link(protocol)
    # What the other side never read makes the kernel reset the connection.
    transport.write(b"mocha")
    peer.sock.close()
    until(lambda: protocol.is_lost)
    name, error = protocol.told[-1]
    assert name == "lost"
    assert error is type(None) or issubclass(error, ConnectionError)


def test_the_tail_of_a_stream_waits_for_a_reader_that_pauses(
    Notes, LOST, secure_link, until, turn
):
    protocol = Notes()
    transport, peer = secure_link(protocol)
    transport.pause_reading()
    peer.write(b"mocha")
    peer.sock.shutdown(1)
    for _ in range(10):
        turn()
    assert protocol.told == ["made"]
    transport.resume_reading()
    until(lambda: protocol.is_lost)
    assert protocol.told == ["made", b"mocha", "eof", LOST]


def test_an_abort_says_nothing(Notes, LOST, secure_link, until):
    protocol = Notes()
    transport, peer = secure_link(protocol)
    transport.abort()
    assert transport.is_closing()
    until(lambda: protocol.is_lost)
    peer.move()
    assert protocol.told == ["made", LOST]
    assert "last word" not in peer.ends
    assert "end" in peer.ends


def test_what_was_written_before_an_abort_is_with_the_kernel(Notes, secure_link, until):
    protocol = Notes()
    transport, peer = secure_link(protocol)
    for piece in (b"mo", b"ch", b"a"):
        transport.write(piece)
    transport.abort()
    until(lambda: protocol.is_lost)
    peer.move()
    assert peer.received == b"mocha"


def test_a_shutdown_that_takes_too_long_is_given_up(Notes, secure_link, until, loop):
    protocol = Notes()
    transport, _peer = secure_link(protocol, ssl_shutdown_timeout=0.001)
    transport.close()
    lost = loop.create_future()
    protocol.connection_lost = lost.set_result
    error = loop.run_until_complete(lost)
    assert isinstance(error, TimeoutError)
    assert str(error) == "SSL shutdown timed out"


def test_writes_after_the_end_are_counted_and_logged(Notes, secure_link, until, log):
    protocol = Notes()
    transport, _peer = secure_link(protocol)
    transport.abort()
    until(lambda: protocol.is_lost)
    for _ in range(5):
        transport.write(b"mocha")
    transport.writelines([b"latte"])
    assert [record.getMessage() for record in log.take()] == ["SSL connection is closed"] * 2


def test_a_protocol_is_let_go_of(Notes, secure_link, until):
    protocol = Notes()
    transport, _peer = secure_link(protocol)
    transport.abort()
    until(lambda: protocol.is_lost)
    assert transport.get_protocol() is None
    assert transport.get_extra_info("cipher") is not None
    assert transport.get_extra_info("socket") is None


# asyncio's fails: it has None in the place of the connection.
@pytest.mark.parametrize("loop_name", ["cafeloop"], indirect=True)
def test_a_transport_that_is_closed_twice_still_answers(Notes, secure_link, together):
    protocol = Notes()
    transport, peer = secure_link(protocol)
    transport.close()
    transport.close()
    assert transport.get_extra_info("cipher") is not None
    together(peer, lambda: "last word" in peer.ends)
    peer.say_last_word()
    together(peer, lambda: protocol.is_lost)
    transport.write(b"mocha")
    transport.abort()
    transport.resume_reading()
    assert transport.is_closing()
    assert transport.get_protocol() is None
    assert transport.get_extra_info("cipher", "gone") == "gone"
    assert transport.get_write_buffer_size() == transport.get_read_buffer_size() == 0
    assert not transport.is_reading()


def test_an_unclosed_transport_is_a_warning(Notes, new_loop, contexts):
    near, far = socket.socketpair()
    with far:
        loop = new_loop()
        protocol = Notes()
        making = loop.create_task(
            loop.create_connection(
                lambda: protocol, sock=near, ssl=contexts.client, server_hostname="localhost"
            )
        )
        peer = tls_peer.Peer(far, contexts.server, server_side=True)
        while not making.done():
            peer.move()
            loop.stop()
            loop.run_forever()
        loop.close()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            del protocol.transport, making, protocol, loop
            gc.collect()
        texts = [str(warning.message) for warning in caught]
        assert any("unclosed transport" in text and "SSL" in text for text in texts), texts


def test_closing_inside_of_data_received(Notes, LOST, secure_link, together):
    class Hasty(Notes):
        def data_received(self, data):
            super().data_received(data)
            self.transport.write(data.upper())
            self.transport.close()

    protocol = Hasty()
    _transport, peer = secure_link(protocol)
    peer.write(b"mocha")
    together(peer, lambda: "last word" in peer.ends)
    peer.say_last_word()
    together(peer, lambda: protocol.is_lost)
    assert peer.received == b"MOCHA"
    assert protocol.told[-1] == LOST


def test_aborting_inside_of_data_received(Notes, LOST, secure_link, together):
    class Angry(Notes):
        def data_received(self, data):
            super().data_received(data)
            self.transport.abort()

    protocol = Angry()
    _transport, peer = secure_link(protocol)
    peer.write(b"mocha")
    together(peer, lambda: protocol.is_lost)
    assert protocol.told == ["made", b"mocha", LOST]


@pytest.mark.parametrize("method", ["data_received", "connection_made"])
def test_what_a_protocol_raises_ends_its_connection_and_is_reported(
    Notes, secure, together, loop, method
):
    reports = []
    loop.set_exception_handler(lambda _loop, context: reports.append(context))
    raised = []

    class Broken(Notes):
        def data_received(self, data):
            super().data_received(data)
            self.fail("data_received")

        def connection_made(self, transport):
            super().connection_made(transport)
            self.fail("connection_made")

        def fail(self, where):
            if where == method and not raised:
                raised.append(where)
                raise ZeroDivisionError(where)

    protocol = Broken()
    making, peer = secure(protocol)
    if method == "data_received":
        together(peer, lambda: peer.is_open)
        peer.write(b"mocha")
    together(peer, lambda: protocol.is_lost and making.done())
    making.exception()
    assert isinstance(reports[0]["exception"], ZeroDivisionError)
    if method == "data_received":
        assert reports[0]["message"] == "Fatal error on SSL protocol"
        assert set(reports[0]) == {"message", "exception", "transport", "protocol"}
    assert protocol.told[-1] == ("lost", ZeroDivisionError)


@pytest.mark.parametrize("method", ["pause_writing", "resume_writing"])
def test_what_a_protocol_raises_about_its_writing_is_reported_only(
    Notes, secure_link, together, loop, method
):
    reports = []
    loop.set_exception_handler(lambda _loop, context: reports.append(context))
    protocol = Notes()
    transport, peer = secure_link(protocol)

    def fail():
        raise ZeroDivisionError

    setattr(protocol, method, fail)
    transport.set_write_buffer_limits(high=1000)
    while not transport._protocol_paused:
        transport.write(bytes(1 << 16))
        transport.get_write_buffer_size()
    together(peer, lambda: not transport._protocol_paused)
    (report,) = reports
    assert report["message"] == f"protocol.{method}() failed"
    assert report["transport"] is transport
    assert not transport.is_closing()


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_an_exit_at_the_last_word_leaves_the_loop(Notes, secure_link, until, together, error):
    protocol = Notes()
    transport, peer = secure_link(protocol)

    def leave():
        protocol.eof_received = lambda: None
        raise error

    protocol.eof_received = leave
    peer.say_last_word()
    with pytest.raises(error):
        together(peer, lambda: protocol.is_lost)
    transport.abort()
    until(lambda: protocol.is_lost)


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_an_exit_when_told_to_pause_is_raised_to_who_writes(Notes, secure_link, until, error):
    protocol = Notes()
    transport, _peer = secure_link(protocol)

    def leave():
        raise error

    protocol.pause_writing = leave
    with pytest.raises(error):
        for _ in range(100):
            transport.write(bytes(1 << 16))
            transport.get_write_buffer_size()
    transport.abort()
    until(lambda: protocol.is_lost)


def test_a_last_word_closes_while_much_waits_to_be_sent(Notes, secure_link, until):
    protocol = Notes()
    transport, peer = secure_link(protocol)
    for _ in range(100):
        transport.write(bytes(1 << 16))
    assert transport.get_write_buffer_size() > 0
    assert not transport.is_closing()
    peer.say_last_word()
    until(transport.is_closing)
    assert not protocol.is_lost
    transport.abort()
    until(lambda: protocol.is_lost)


def test_what_eof_received_raises_is_reported(Notes, secure_link, together, loop):
    reports = []
    loop.set_exception_handler(lambda _loop, context: reports.append(context))
    protocol = Notes()
    _transport, peer = secure_link(protocol)

    def fail():
        raise ZeroDivisionError

    protocol.eof_received = fail
    peer.say_last_word()
    together(peer, lambda: protocol.is_lost)
    assert reports[0]["message"] == "Error calling eof_received()"
