"""Lets the tests of the harness import it, as run.py does: by its own folder on sys.path."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
