"""A kernel that fails when a test wants it to.

The test's body runs in a child process, in a thread whose system calls the kernel asks
the parent about (`SECCOMP_RET_USER_NOTIF` in `seccomp(2)`): that says whether each is made,
or fails, and by which error.  It needs no privileges, and the loop and the interpreter are
what they always are.
"""

import array
import contextlib
import ctypes
import errno
import fcntl
import os
import platform
import select
import socket
import struct
import threading
import traceback

# Of Linux's `unistd.h`: the calls that a loop waits, reads and writes by.
CALLS = {
    "x86_64": {
        "read": 0,
        "write": 1,
        "writev": 20,
        "sendto": 44,
        "recvfrom": 45,
        "sendmsg": 46,
        "recvmsg": 47,
        "epoll_wait": 232,
        "epoll_pwait": 281,
        "accept4": 288,
        "epoll_pwait2": 441,
    },
    "aarch64": {
        "read": 63,
        "write": 64,
        "writev": 66,
        "epoll_pwait": 22,
        "sendto": 206,
        "recvfrom": 207,
        "sendmsg": 211,
        "recvmsg": 212,
        "accept4": 242,
        "epoll_pwait2": 441,
    },
}[platform.machine()]

# `linux/seccomp.h`, `linux/filter.h`, `linux/prctl.h`.
SET_MODE_FILTER = 1
NEW_LISTENER = 1 << 3
ALLOW = 0x7FFF0000
ASK = 0x7FC00000
GO_ON = 1
RECEIVE = 0xC0502100
ANSWER = 0xC0182101
LOAD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
NO_NEW_PRIVILEGES = 38
SECCOMP = {"x86_64": 317, "aarch64": 277}[platform.machine()]

# `struct seccomp_notif`: id, pid, flags, then the call's number, the architecture, an
# address and six arguments; `struct seccomp_notif_resp`: id, value, error, flags.
QUESTION = struct.Struct("=QIIiIQ6Q")
REPLY = struct.Struct("=QqiI")


def has_others_asked(names):
    """Has this thread's calls of these names asked about, and returns whom to ask by."""
    libc = ctypes.CDLL(None, use_errno=True)
    numbers = [CALLS[name] for name in names if name in CALLS]
    program = [(LOAD, 0, 0, 0)]
    for place, number in enumerate(numbers):
        # To the last line but one, which asks.
        program.append((JUMP_IF_EQUAL, len(numbers) - place, 0, number))
    program += [(RETURN, 0, 0, ALLOW), (RETURN, 0, 0, ASK)]
    lines = b"".join(struct.pack("=HBBI", *line) for line in program)
    held = ctypes.create_string_buffer(lines, len(lines))
    described = struct.pack("@HxxxxxxP", len(program), ctypes.addressof(held))
    if libc.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "no_new_privs was refused")
    listener = libc.syscall(SECCOMP, SET_MODE_FILTER, NEW_LISTENER, described)
    if listener < 0:
        raise OSError(ctypes.get_errno(), "a filter of system calls was refused")
    return listener


def run(prepare, body, names, decide):
    """Calls `body(prepare())` in a child process; `decide(name, count)` says of each call
    of these names that the body makes what error it fails with, or None to have it made.
    Raises what it raised."""
    ours, childs = socket.socketpair()
    child = os.fork()
    if child == 0:
        ours.close()
        _be_child(prepare, body, names, childs)
    childs.close()
    try:
        with ours:
            _supervise(ours, decide)
            text = b""
            while piece := ours.recv(65536):
                text += piece
    finally:
        _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0, text.decode() or f"it ended by {status}"


def _be_child(prepare, body, names, parent):
    ready, may_begin = threading.Event(), threading.Event()
    outcome = []

    def work():
        try:
            prepared = prepare()
            outcome.append(has_others_asked(names))
            ready.set()
            # It may keep the interpreter's lock in a call that the parent is asked about.
            may_begin.wait()
            body(prepared)
            outcome.append(None)
        except BaseException:
            outcome.append(traceback.format_exc())
            ready.set()

    # Only this thread is asked about, so that another can speak with the parent.
    thread = threading.Thread(target=work)
    thread.start()
    ready.wait()
    if isinstance(outcome[0], int):
        socket.send_fds(parent, [b"!"], [outcome[0]])
        os.close(outcome[0])
    may_begin.set()
    thread.join()
    if outcome[-1] is not None:
        parent.sendall(outcome[-1].encode())
    os._exit(0 if outcome[-1] is None else 1)


def _supervise(child, decide):
    data, descriptors, _, _ = socket.recv_fds(child, 1, 1)
    if not data or not descriptors:
        return
    (listener,) = descriptors
    numbers = {number: name for name, number in CALLS.items()}
    counts = dict.fromkeys(CALLS, 0)
    poll = select.poll()
    poll.register(listener, select.POLLIN)
    question = array.array("B", bytes(QUESTION.size))
    while True:
        ((_, events),) = poll.poll()
        if not events & select.POLLIN:
            # Nobody is left to be asked about.
            break
        question[:] = array.array("B", bytes(QUESTION.size))
        # It may have been interrupted, and be gone.
        with contextlib.suppress(FileNotFoundError):
            fcntl.ioctl(listener, RECEIVE, question)
            asked = QUESTION.unpack(question)
            name = numbers[asked[3]]
            counts[name] += 1
            error = decide(name, counts[name])
            reply = REPLY.pack(asked[0], 0, -error if error else 0, 0 if error else GO_ON)
            fcntl.ioctl(listener, ANSWER, reply)
    os.close(listener)


def interrupts_every_other(name, count):
    """As signals would, that come in each call and are dealt with."""
    return errno.EINTR if count % 2 else None
