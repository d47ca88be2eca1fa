"""`python -m benches.compare`: reads the command line and joins the parts."""

import sys

OLDEST = (3, 11)

if sys.version_info < OLDEST:
    # What follows may not even be read by it.
    print("bench: needs Python 3.11 or newer, found " + sys.version.split()[0], file=sys.stderr)
    sys.exit(2)

from .command import main  # noqa: E402

sys.exit(main(sys.argv[1:]))
