"""Amounts as a reader sees them: three digits, and a unit that fits."""

from collections.abc import Sequence

UNITS = {"ns": ((1e9, "s"), (1e6, "ms"), (1e3, "us"), (1, "ns")), "bytes": ((1, "B"),)}


def amount(value: float, unit: str, digits: int = 3) -> str:
    """With its unit: 1.21 us."""
    divisor, name = scale([value], unit)
    return f"{number(value / divisor, digits)} {name}"


def signed(value: float, unit: str) -> str:
    """With its sign, also above zero: +1.21 us."""
    return ("-" if value < 0 else "+") + amount(abs(value), unit)


def number(value: float, digits: int = 3) -> str:
    """To so many digits, but all that stand before the point."""
    text = f"{value:#.{digits}g}".removesuffix(".")
    return f"{value:.0f}" if "e+" in text else text


def scale(values: Sequence[float], unit: str) -> tuple[float, str]:
    """The largest unit in which the least value is still 1."""
    least = min(values, default=0.0)
    for divisor, name in UNITS[unit]:
        if least >= divisor:
            return divisor, name
    return 1, unit


def typeset(value: float, unit: str) -> str:
    """An amount for a page, which need not make do with plain characters."""
    return amount(value, unit).replace(" us", " µs")
