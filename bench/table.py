"""Figures as a table for people, and compared with those of another run."""

from collections.abc import Sequence
from typing import Any

from bench.figures import Figure

NOISE = 1.25
"""A figure that is this much worse than the kept one is marked: less is this machine's noise."""


def row(figure: Figure, kept: dict[str, Any] | None) -> list[str]:
    """The cells of one figure. `kept` is its record in another run."""
    cells = [
        figure.part,
        figure.name,
        f"{_number(figure.value)} {figure.unit}",
        f"{_number(min(figure.values))} to {_number(max(figure.values))}",
        _target(figure),
        "" if figure.floor is None else f"{_number(figure.floor)} {figure.unit}",
        "" if figure.ratio is None else f"{figure.ratio:.2f}",
        {None: "", True: "met", False: "MISSED"}[figure.met],
    ]
    if kept is not None:
        cells.append(_change(figure, kept))
    return cells


def table(figures: Sequence[Figure], kept: dict[str, Any] | None = None) -> str:
    """All figures, aligned."""
    head = ["part", "what", "median", "min to max", "target", "floor", "ratio", ""]
    if kept is not None:
        head.append("against kept")
    lines = [head]
    for figure in figures:
        found = None if kept is None else kept.get(figure.key, {})
        lines.append(row(figure, found))
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def _target(figure: Figure) -> str:
    parts = []
    if figure.target is not None:
        sign = ">=" if figure.at_least else "<="
        parts.append(f"{sign} {_number(figure.target)} {figure.unit}")
    if figure.most_floors is not None:
        parts.append(f"<= {figure.most_floors:g} x floor")
    return ", ".join(parts)


def _change(figure: Figure, kept: dict[str, Any]) -> str:
    if not kept:
        return "new"
    before = float(kept["median"])
    if not before:
        return "same" if not figure.value else "WORSE (was 0)"
    ratio = figure.value / before
    worse = ratio < 1 / NOISE if figure.at_least else ratio > NOISE
    return f"{ratio:.2f} x" + (" WORSE" if worse else "")


def _number(value: float) -> str:
    if value == 0 or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"
