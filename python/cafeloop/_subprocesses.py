"""Subprocesses: started by `subprocess.Popen`, which knows every option, with pipes of the
loop's own.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
from asyncio import base_subprocess
from asyncio.log import logger
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from . import _cafeloop

if TYPE_CHECKING:
    from ._parts import LoopParts as _Parts
else:
    _Parts = object

_Protocol = TypeVar("_Protocol", bound=asyncio.BaseProtocol)
# Standard input, output and error of a child.
_Streams = tuple[Any, Any, Any]


class SubprocessTransport(base_subprocess.BaseSubprocessTransport):
    """A child process.

    All but its start is the interpreter's own: when pipes are connected, in which
    order a protocol is told, what closing kills.  Each version has its rules.
    """

    _loop: Any
    _proc: subprocess.Popen[bytes]

    def _start(
        self,
        args: Any,
        shell: bool,
        stdin: Any,
        stdout: Any,
        stderr: Any,
        bufsize: int,
        **options: Any,
    ) -> None:
        self._proc = subprocess.Popen(
            args,
            shell=shell,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            universal_newlines=False,
            bufsize=bufsize,
            **options,
        )
        program = "shell" if shell else os.path.basename(os.fsdecode(args[0]))
        _cafeloop._record_process(self._proc.pid, program)

    def _process_exited(self, returncode: int) -> None:
        _cafeloop._record_process_end(self._loop, self._proc.pid, returncode)
        super()._process_exited(returncode)

    def _call_connection_lost(self, exc: BaseException | None) -> None:
        # Before Python 3.14 those are woken here that wait for the process.
        _cafeloop._record_process_wakes(self._loop, self._proc.pid)
        super()._call_connection_lost(exc)


class Subprocesses(_Parts):
    """The part of a loop for child processes."""

    async def subprocess_shell(
        self,
        protocol_factory: Callable[[], _Protocol],
        cmd: bytes | str,
        *,
        stdin: Any = subprocess.PIPE,
        stdout: Any = subprocess.PIPE,
        stderr: Any = subprocess.PIPE,
        universal_newlines: bool = False,
        shell: bool = True,
        bufsize: int = 0,
        encoding: None = None,
        errors: None = None,
        text: bool | None = None,
        **kwargs: Any,
    ) -> tuple[asyncio.SubprocessTransport, _Protocol]:
        """Run a command line by the shell; the options are those of `subprocess.Popen`."""
        if not isinstance(cmd, (bytes, str)):
            raise ValueError("cmd must be a string")
        _check(universal_newlines, shell, bufsize, text, encoding, errors, through_shell=True)
        protocol = protocol_factory()
        what = f"run shell command {cmd!r}"
        transport = await self._run_child(
            what, protocol, cmd, (stdin, stdout, stderr), {"shell": True, **kwargs}
        )
        return transport, protocol

    async def subprocess_exec(
        self,
        protocol_factory: Callable[[], _Protocol],
        program: Any,
        *args: Any,
        stdin: Any = subprocess.PIPE,
        stdout: Any = subprocess.PIPE,
        stderr: Any = subprocess.PIPE,
        universal_newlines: bool = False,
        shell: bool = False,
        bufsize: int = 0,
        encoding: None = None,
        errors: None = None,
        text: bool | None = None,
        **kwargs: Any,
    ) -> tuple[asyncio.SubprocessTransport, _Protocol]:
        """Run a program with arguments; the options are those of `subprocess.Popen`."""
        _check(universal_newlines, shell, bufsize, text, encoding, errors, through_shell=False)
        protocol = protocol_factory()
        # Its arguments may be secrets, and are logged nowhere.
        what = f"execute program {program!r}"
        transport = await self._run_child(
            what, protocol, (program, *args), (stdin, stdout, stderr), {"shell": False, **kwargs}
        )
        return transport, protocol

    async def _run_child(
        self,
        what: str,
        protocol: Any,
        args: Any,
        streams: _Streams,
        options: dict[str, Any],
    ) -> SubprocessTransport:
        """Start a child, and return when its pipes are connected."""
        from ._child import when_ended

        is_debug = self.get_debug()
        if is_debug:
            logger.debug(" ".join([what, *_described(*streams)]))
        waiter = self.create_future()
        stdin, stdout, stderr = streams
        transport = SubprocessTransport(
            self,
            protocol,
            args,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            bufsize=0,
            waiter=waiter,
            **options,
        )
        when_ended(self, transport._proc, transport._process_exited)
        try:
            await waiter
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException:
            transport.close()
            await transport._wait()
            raise
        if is_debug:
            logger.info("%s: %r", what, transport)
        return transport


def _check(
    universal_newlines: object,
    shell: object,
    bufsize: object,
    text: object,
    encoding: object,
    errors: object,
    *,
    through_shell: bool,
) -> None:
    """Refuse options that would have streams of text, or a buffer between."""
    if universal_newlines:
        raise ValueError("universal_newlines must be False")
    if bool(shell) != through_shell:
        raise ValueError(f"shell must be {through_shell}")
    if bufsize != 0:
        raise ValueError("bufsize must be 0")
    if text:
        raise ValueError("text must be False")
    if encoding is not None:
        raise ValueError("encoding must be None")
    if errors is not None:
        raise ValueError("errors must be None")


def _described(stdin: Any, stdout: Any, stderr: Any) -> list[str]:
    """Where a child's streams go, for people."""
    if stdout is not None and stderr == subprocess.STDOUT:
        named = [("stdin", stdin), ("stdout=stderr", stdout)]
    else:
        named = [("stdin", stdin), ("stdout", stdout), ("stderr", stderr)]
    return [f"{name}={_shown(stream)}" for name, stream in named if stream is not None]


def _shown(stream: Any) -> str:
    names = {subprocess.PIPE: "<pipe>", subprocess.STDOUT: "<stdout>"}
    return names[stream] if isinstance(stream, int) and stream in names else repr(stream)
