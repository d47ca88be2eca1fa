"""Connections that carry one request each."""

from benches.compare.row import Row, Server
from benches.rows.echo import RAW, by_protocol, by_streams
from benches.rows.transports import RAW_UNIX, over_tls, over_unix

ROWS: list[Row] = [
    Server(
        name=f"churn-{name}",
        title=f"{title}, 50 at a time",
        serve=serve,
        load=("churn", *target, "--connections", "50", "--bytes", "64"),
        limit=limit,
        per="connection",
    )
    for name, title, serve, target, limit in (
        ("protocol", "TCP, protocol", by_protocol, ("--tcp", "{address}"), RAW),
        ("streams", "TCP, streams", by_streams, ("--tcp", "{address}"), RAW),
        ("unix", "Unix, protocol", over_unix, ("--unix", "{address}"), RAW_UNIX),
        ("tls", "TLS, protocol", over_tls, ("--tls", "{address}", "--insecure"), None),
    )
]
