"""Stands in for the load program: answers what its first argument asks for."""

import json
import os
import select
import sys
from pathlib import Path

kind, *arguments = sys.argv[1:]
options = dict(zip(arguments[-7:-1:2], arguments[-6:-1:2], strict=True))
answer = {
    "requests": 100,
    "seconds": float(options["--seconds"]),
    "bytes": 5 << 20,
    "errors": {},
    "latency_us": {"p50": 10.5},
    "server_cpu_ns": 4000,
}
match kind:
    case "answer":
        address, folder = arguments[:2]
        assert address == f"here:{Path(folder).name}"
        assert set(options) == {"--seconds", "--warm-up", "--pid"}
    case "wrong":
        answer["errors"] = {"wrong bytes": 3, "closed by the server": 0}
    case "silent":
        answer |= {"requests": 0, "errors": {"timed out": 50}}
    case "mute":
        sys.exit("can't connect")
    case "complain":
        Path(arguments[0], "loaded").touch()
        sys.exit("connection lost")
    case "die":
        server = os.pidfd_open(int(options["--pid"]))
        Path(arguments[0], "loaded").touch()
        select.select([server], [], [])
assert arguments[-1] == "--json"
print(json.dumps(answer))
