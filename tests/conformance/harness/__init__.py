"""CPython's own asyncio tests, one forked process each, against any event loop.

suite and mixins say which tests there are, rules and expectations what is made of the results;
forks, child and fresh run them, box is where a child and its parent meet, record and report tell.
Only suite, mixins and default_loop know asyncio's tests; the rest would run any unittest suite.
"""
