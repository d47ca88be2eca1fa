"""What this version doesn't have yet, and says so as any loop without it: it shrinks to nothing.

The standard library's loop has all of it, so these tests are for ours alone.
"""

import pytest

pytestmark = pytest.mark.parametrize("loop_name", ["cafeloop"], indirect=True)

MISSING = {
    "connect_read_pipe": lambda loop: loop.connect_read_pipe(None, None),
    "connect_write_pipe": lambda loop: loop.connect_write_pipe(None, None),
    "subprocess_shell": lambda loop: loop.subprocess_shell(None, None),
    "subprocess_exec": lambda loop: loop.subprocess_exec(None),
}


@pytest.mark.parametrize("name", MISSING)
def test_what_is_not_there_yet_says_so(loop, name):
    with pytest.raises(NotImplementedError):
        loop.run_until_complete(MISSING[name](loop))
