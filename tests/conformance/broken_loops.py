"""CPython's loop with one defect each: what does the suite see of them?

    python run.py --loop broken_loops:lifo --level A

test_harness.py shows that the suite sees the first group. CPython's tests, levels A and B, pass on
the loops of the second: what those do wrong is for tests of our own to see.
"""

import asyncio
import contextvars

Base = asyncio.SelectorEventLoop


class sound(Base):
    """No defect: the same loop from another module, as the base line."""


# ---- seen by CPython's suite


class lifo(Base):
    """Callbacks that are ready run in the wrong order."""

    def _run_once(self):
        if len(self._ready) > 1:
            self._ready.reverse()
        super()._run_once()


class contextless(Base):
    """call_soon() and its kin ignore context=."""

    def call_soon(self, callback, *args, context=None):
        return super().call_soon(callback, *args, context=contextvars.copy_context())

    def call_at(self, when, callback, *args, context=None):
        return super().call_at(when, callback, *args, context=contextvars.copy_context())


class deaf(Base):
    """call_soon_threadsafe() does not wake a sleeping loop."""

    def _write_to_self(self):
        pass


class forgetful(Base):
    """Exceptions in callbacks are swallowed."""

    def call_exception_handler(self, context):
        pass


class halfclosed(Base):
    """A peer's EOF closes the transport, whatever eof_received() says."""

    def _make_socket_transport(self, *args, **kwargs):
        transport = super()._make_socket_transport(*args, **kwargs)

        def read_eof():
            transport._protocol.eof_received()
            transport.close()

        transport._read_ready__on_eof = read_eof
        return transport


class rude(Base):
    """close() of a transport throws the unsent bytes away."""

    def _make_socket_transport(self, *args, **kwargs):
        transport = super()._make_socket_transport(*args, **kwargs)
        transport.close = transport.abort
        return transport


# ---- not seen by it


class hasty(Base):
    """Timers fire 20 ms early."""

    def call_at(self, when, callback, *args, context=None):
        return super().call_at(when - 0.02, callback, *args, context=context)


class gushing(Base):
    """Transports never pause a writer."""

    def _make_socket_transport(self, *args, **kwargs):
        transport = super()._make_socket_transport(*args, **kwargs)
        transport._maybe_pause_protocol = lambda: None
        return transport


class leaky(Base):
    """Closing the loop leaves its sockets and selector open."""

    def _close_self_pipe(self):
        self._internal_fds -= 1


class uncancelled(Base):
    """sock_recv() keeps its reader when it is cancelled."""

    async def sock_recv(self, sock, n):
        fut = asyncio.ensure_future(super().sock_recv(sock, n))
        return await asyncio.shield(fut)


class unsliced(Base):
    """One pass of the loop also runs the callbacks that were added in it.

    Two tests for leaks do see this one, from 3.12 on.
    """

    def _run_once(self):
        super()._run_once()
        for _ in range(100):
            if not self._ready or self._stopping:
                break
            handle = self._ready.popleft()
            if not handle._cancelled:
                handle._run()
