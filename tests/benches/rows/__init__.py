"""Rows that behave well or badly, for the tests of the harness.  Their processes are real."""

FAMILIES = ("servers",)
