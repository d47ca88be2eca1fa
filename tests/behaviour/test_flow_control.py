"""Flow control: a writer is asked to pause, a reader asks for a pause."""

import threading
import time

import pytest


def test_a_writer_is_paused_when_the_kernel_is_full_and_resumed_when_it_has_room(
    link, fill, receive, until, Notes
):
    protocol = Notes()
    transport, far = link(protocol)
    fill(transport)
    transport.write(bytes(transport.get_write_buffer_limits()[1] + 1))
    assert protocol.told == ["made", "pause"]

    def is_resumed():
        receive(far)
        return "resume" in protocol.told

    until(is_resumed)
    low, _ = transport.get_write_buffer_limits()
    assert transport.get_write_buffer_size() <= low
    assert protocol.told == ["made", "pause", "resume"]


def test_many_small_writes_pause_nobody_while_the_kernel_takes_them(link, turn, loop, Notes):
    protocol = Notes()
    transport, _ = link(protocol)
    transport.set_write_buffer_limits(high=100)

    def write():
        for _ in range(100):
            transport.write(bytes(50))

    loop.call_soon(write)
    turn()
    assert protocol.told == ["made"]
    assert transport.get_write_buffer_size() == 0


@pytest.mark.parametrize(
    "limits, expected",
    [
        ({}, (16 * 1024, 64 * 1024)),
        ({"high": 1000}, (250, 1000)),
        ({"low": 100}, (100, 400)),
        ({"high": 10, "low": 3}, (3, 10)),
        ({"high": 0}, (0, 0)),
    ],
)
def test_limits_are_completed_as_asyncio_does(link, Notes, limits, expected):
    transport, _ = link(Notes())
    transport.set_write_buffer_limits(**limits)
    assert transport.get_write_buffer_limits() == expected


@pytest.mark.parametrize("limits", [{"high": 1, "low": 2}, {"low": -1}, {"high": -1}])
def test_limits_that_make_no_sense_are_refused(link, Notes, limits):
    transport, _ = link(Notes())
    with pytest.raises(ValueError, match="must be >= "):
        transport.set_write_buffer_limits(**limits)
    assert transport.get_write_buffer_limits() == (16 * 1024, 64 * 1024)


def test_a_lower_limit_pauses_at_once(link, fill, Notes):
    protocol = Notes()
    transport, _ = link(protocol)
    transport.set_write_buffer_limits(high=1 << 30)
    fill(transport)
    assert protocol.told == ["made"]
    transport.set_write_buffer_limits(high=0)
    assert protocol.told == ["made", "pause"]


@pytest.mark.parametrize("method", ["pause_writing", "resume_writing"])
def test_a_failure_to_be_paused_or_resumed_is_reported(
    link, fill, receive, until, loop, Notes, method
):
    reports = []
    loop.set_exception_handler(lambda _loop, context: reports.append(context))
    protocol = Notes()
    transport, far = link(protocol)

    def fail():
        raise LookupError("no cups")

    setattr(protocol, method, fail)
    transport.set_write_buffer_limits(high=0)
    fill(transport)

    def is_reported():
        receive(far)
        return reports

    until(is_reported)
    (report,) = reports
    assert report["message"] == f"protocol.{method}() failed"
    assert isinstance(report["exception"], LookupError)
    assert (report["transport"], report["protocol"]) == (transport, protocol)
    assert not transport.is_closing()


def test_a_slow_reader_costs_no_more_memory_than_the_limits(link, fill, Notes):
    protocol = Notes()
    transport, _ = link(protocol)
    fill(transport)
    while "pause" not in protocol.told:
        transport.write(bytes(1000))
    _, high = transport.get_write_buffer_limits()
    assert transport.get_write_buffer_size() <= high + 65536 + 1000


def test_nothing_comes_while_reading_is_paused(link, turn, Notes):
    protocol = Notes()
    transport, far = link(protocol)
    turn()
    assert transport.is_reading()
    transport.pause_reading()
    transport.pause_reading()
    assert not transport.is_reading()
    far.send(b"coffee")
    turn()
    assert protocol.told == ["made"]
    transport.resume_reading()
    transport.resume_reading()
    assert transport.is_reading()
    turn()
    assert protocol.told == ["made", b"coffee"]


def test_a_pause_in_the_same_turn_comes_in_time(link, loop, turn, Notes):
    protocol = Notes()
    transport, far = link(protocol)
    turn()
    far.send(b"coffee")
    # Before the loop looks at the socket, in the turn in which it is readable.
    loop.call_soon(transport.pause_reading)
    turn()
    turn()
    assert protocol.told == ["made"]


def test_a_protocol_that_pauses_when_connected_is_given_nothing(link, turn, Notes):
    class Shy(Notes):
        def connection_made(self, transport):
            super().connection_made(transport)
            transport.pause_reading()

    protocol = Shy()
    transport, far = link(protocol)
    far.send(b"coffee")
    turn()
    turn()
    assert protocol.told == ["made"]
    assert "read=idle" in repr(transport)
    transport.resume_reading()
    turn()
    assert protocol.told == ["made", b"coffee"]


def test_a_closed_transport_is_neither_paused_nor_resumed(link, until, Notes):
    protocol = Notes()
    transport, _ = link(protocol)
    transport.pause_reading()
    transport.close()
    transport.resume_reading()
    assert not transport.is_reading()
    until(lambda: protocol.is_lost)
    transport.pause_reading()
    transport.resume_reading()


def test_what_several_connections_write_in_one_turn_is_sent_in_it(link, loop, turn, receive, Notes):
    links = [link(Notes()) for _ in range(3)]

    def write():
        for number, (transport, _) in enumerate(links):
            transport.write(b"coffee %d" % number)

    loop.call_soon(write)
    turn()
    assert [receive(far) for _, far in links] == [b"coffee 0", b"coffee 1", b"coffee 2"]


def test_lines_of_several_connections_are_sent_in_their_turn(link, loop, turn, receive, Notes):
    links = [link(Notes()) for _ in range(3)]

    def write():
        for transport, _ in links:
            transport.writelines([b"cof", b"", b"fee"])

    loop.call_soon(write)
    turn()
    assert [receive(far) for _, far in links] == [b"coffee"] * 3


def test_nobody_waits_for_room_once_all_is_sent(link, fill, receive, until, Notes):
    protocol = Notes()
    transport, far = link(protocol)
    written = fill(transport)
    assert "write=<polling" in repr(transport)
    received = bytearray()
    until(lambda: received.extend(receive(far)) or len(received) == written)
    assert "write=<idle, bufsize=0>" in repr(transport)


def test_no_connection_waits_for_long_jobs_of_others(link, loop, turn, receive, Notes):
    links = [link(Notes()) for _ in range(2)]
    seen = []

    def write():
        for transport, _ in links:
            transport.write(b"coffee")

    loop.call_soon(write)
    # Longer than anybody is let wait.
    loop.call_soon(time.sleep, 0.001)
    loop.call_soon(lambda: seen.extend(receive(far) for _, far in links))
    turn()
    assert seen == [b"coffee", b"coffee"]


def test_what_data_makes_ready_runs_before_more_of_it_is_told(link, loop, until, Notes):
    """However much waits, and however long it did."""

    class Busy(Notes):
        def data_received(self, data):
            self.told.append(len(data))
            if len(self.told) < 100:
                far.send(bytes(60_000))
                loop.call_soon(self.told.append, "meanwhile")

    protocol = Busy()
    _, far = link(protocol)
    far.send(bytes(60_000))
    until(lambda: len(protocol.told) >= 100)
    made, *told = protocol.told
    assert told[1::2] == ["meanwhile"] * (len(told) // 2)
    assert set(told[::2]) == {60_000}


def test_a_lower_limit_pauses_nobody_while_the_kernel_has_room(link, loop, turn, receive, Notes):
    protocol = Notes()
    transport, far = link(protocol)

    def write():
        transport.write(b"mo")
        transport.write(b"ch")
        transport.write(b"a")
        transport.set_write_buffer_limits(high=1, low=0)

    loop.call_soon(write)
    turn()
    assert receive(far) == b"mocha"
    assert protocol.told == ["made"]


def test_who_writes_without_end_in_one_turn_is_paused_in_it(link, loop, turn, Notes):
    protocol = Notes()
    transport, _ = link(protocol)

    def write():
        while "pause" not in protocol.told:
            transport.write(bytes(10_000))

    loop.call_soon(write)
    turn()
    _, high = transport.get_write_buffer_limits()
    # More than four times as much waits for the end of no turn.
    assert high < transport.get_write_buffer_size() <= 4 * high + 10_000


def test_what_is_written_elsewhere_when_told_to_pause_waits_for_nothing(
    loop, Notes, link, run_until_stopped
):
    other, far = link(Notes())
    far.setblocking(True)
    received = []

    class Telling(Notes):
        def pause_writing(self):
            super().pause_writing()
            other.write(b"mo")
            other.write(b"cha")

    protocol = Telling()
    transport, _ = link(protocol)

    def receive_all():
        # In a thread, so that the loop is told of nothing until all of it has come.
        while sum(map(len, received)) < 5:
            received.append(far.recv(100))
        loop.call_soon_threadsafe(loop.stop)

    def write():
        while not protocol.told[1:]:
            transport.write(bytes(65536))

    loop.call_soon(write)
    thread = threading.Thread(target=receive_all)
    thread.start()
    run_until_stopped()
    thread.join()
    assert b"".join(received) == b"mocha"
    assert protocol.told == ["made", "pause"]
