"""How much of a TLS connection may wait: the limits, what they mean and which there are."""

import pytest

KIB = 1024
# asyncio's own, in `asyncio/constants.py`.
DEFAULTS = {"read": (64 * KIB, 256 * KIB), "write": (128 * KIB, 512 * KIB)}
# Between one limit and another, and less than what a socket may hold besides.
FAR_LESS = 150 * KIB
PIECE = bytes(8 * KIB)


@pytest.fixture
def transport(secure_link, Notes):
    transport, _ = secure_link(Notes())
    return transport


@pytest.mark.parametrize("side", ["read", "write"])
@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({}, None),
        ({"high": 1000}, (250, 1000)),
        ({"low": 100}, (100, 400)),
        ({"high": 10, "low": 3}, (3, 10)),
        ({"high": 0}, (0, 0)),
    ],
)
def test_limits_are_completed_as_asyncio_does(transport, side, limits, expected):
    get = getattr(transport, f"get_{side}_buffer_limits")
    assert get() == DEFAULTS[side]
    getattr(transport, f"set_{side}_buffer_limits")(**limits)
    assert get() == (expected or DEFAULTS[side])


@pytest.mark.parametrize("side", ["read", "write"])
@pytest.mark.parametrize("limits", [{"high": 1, "low": 2}, {"low": -1}, {"high": -1}])
def test_limits_that_make_no_sense_are_refused(transport, side, limits):
    with pytest.raises(ValueError, match="must be >= "):
        getattr(transport, f"set_{side}_buffer_limits")(**limits)
    assert getattr(transport, f"get_{side}_buffer_limits")() == DEFAULTS[side]


def test_a_lower_limit_of_writing_pauses_sooner(secure_link, Notes):
    def written(**limits):
        protocol = Notes()
        transport, _ = secure_link(protocol)
        transport.set_write_buffer_limits(**limits)
        count = 0
        while "pause" not in protocol.told:
            transport.write(PIECE)
            count += len(PIECE)
        transport.abort()
        return count

    assert written(high=KIB) < written() - FAR_LESS


def test_a_lower_limit_of_reading_stops_the_sender_sooner(secure_link, turn, Notes):
    def sent(**limits):
        transport, peer = secure_link(Notes())
        transport.set_read_buffer_limits(**limits)
        transport.pause_reading()
        before = len(peer.sent_raw)
        while not peer.unsent:
            peer.write(PIECE)
            turn()
            turn()
        count = len(peer.sent_raw) - before
        transport.abort()
        return count

    assert sent(high=KIB) < sent() - FAR_LESS


def test_a_sender_who_was_stopped_goes_on_when_it_is_read_again(
    secure_link, turn, Notes, together
):
    protocol = Notes()
    transport, peer = secure_link(protocol)
    transport.pause_reading()
    count = 0
    while not peer.unsent:
        peer.write(PIECE)
        count += len(PIECE)
        turn()
        turn()
    transport.resume_reading()
    together(peer, lambda: len(protocol.received) == count)


def test_what_came_and_waits_is_counted_and_handed_on(secure_link, until, Notes, together):
    protocol = Notes()
    transport, peer = secure_link(protocol)
    assert transport.get_read_buffer_size() == 0
    transport.pause_reading()
    peer.write(b"coffee")
    until(lambda: transport.get_read_buffer_size() > len(b"coffee"))
    assert protocol.received == b""
    transport.resume_reading()
    together(peer, lambda: protocol.received == b"coffee")
    assert transport.get_read_buffer_size() == 0
