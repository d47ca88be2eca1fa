"""The work that loops are compared by, a file for each family.  See benches/compare/row.py."""

#: The order in which a reader meets the families; files that aren't named come after these.
FAMILIES = (
    *("sleeping", "tasks", "async_tree", "callbacks", "timers", "primitives", "executor"),
    *("echo", "transports", "streaming", "churn", "web_servers"),
    *("accuracy", "memory", "start", "names", "pipes", "subprocesses"),
)
