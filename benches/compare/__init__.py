"""Compares event loops on the same work: `python -m benches.compare --help`.

A row (row.py) is some work; a loop (loops.py) is what it runs on.  Each measurement is one row on
one loop in a fresh process.  Files of rows stand in benches/rows, and the two know each other only
by what row.py holds.
"""
