# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of the values in a recipe: each takes a place and a value, and returns the value."""

import difflib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

Check = Callable[[str, Any], Any]


class Wrong(ValueError):
    """A value in a recipe that is not as expected."""

    def __init__(self, place: str, value: Any, expected: str):
        super().__init__(f"{place} is {value!r}, expected {expected}.")


def number(
    low: float = -math.inf,
    high: float = math.inf,
    *,
    above: float = -math.inf,
    below: float = math.inf,
    whole: bool = False,
    finite: bool = True,
    unit: str = "",
) -> Check:
    """Check a number from `low` to `high`, or greater than `above` and less than `below`."""
    span = [f"from {low:g}"] * (low > -math.inf) + [f"up to {high:g}"] * (high < math.inf)
    limits = [" ".join(span)] * bool(span)
    limits += [f"above {above:g}"] * (above > -math.inf) + [f"below {below:g}"] * (below < math.inf)
    kind = "a whole number" if whole else "a number"
    expected = " ".join([kind, *[f"in {unit}"] * bool(unit), " and ".join(limits)]).rstrip()

    def check(place: str, value: Any) -> Any:
        if isinstance(value, str):
            # YAML 1.1 reads 3e5, without a decimal point and sign, as text.
            try:
                value = float(value)
            except ValueError:
                raise Wrong(place, value, expected) from None
        right = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not right or not low <= value <= high or value <= above or value >= below < math.inf:
            raise Wrong(place, value, expected)
        if finite and math.isinf(value):
            raise Wrong(place, value, "a finite number")
        if whole and value != round(value):
            raise Wrong(place, value, expected)
        return value

    return check


def at_least(least: float, expected: str) -> Check:
    """Check a positive number; below `least` it was probably meant in another unit."""

    def check(place: str, value: Any) -> Any:
        value = number(above=0)(place, value)
        if value < least:
            raise Wrong(place, value, expected)
        return value

    return check


def count(low: int = 0) -> Check:
    """Check a whole number and return it as an integer."""
    whole = number(low, whole=True)
    return lambda place, value: int(whole(place, value))


def truth(place: str, value: Any) -> bool:
    """Check that a value is true or false."""
    if not isinstance(value, bool):
        raise Wrong(place, value, "true or false")
    return value


def text(place: str, value: Any) -> str:
    """Check text; numbers are converted to text."""
    if isinstance(value, (Mapping, list)) or value is None:
        raise Wrong(place, value, "text")
    return str(value)


def one_of(*known: Any) -> Check:
    """Check that a value is one of the known ones."""
    names = ", ".join("null" if name is None else str(name) for name in known)

    def check(place: str, value: Any) -> Any:
        if value not in known or isinstance(value, bool):
            raise Wrong(place, value, f"one of {names}")
        return value

    return check


def optional(item: Check) -> Check:
    """Check an item, or null."""
    return lambda place, value: None if value is None else item(place, value)


def listing(item: Check, least: int = 0) -> Check:
    """Check a list of at least `least` items, and return it as a tuple."""

    def check(place: str, value: Any) -> tuple[Any, ...]:
        if not isinstance(value, (list, tuple)) or len(value) < least:
            raise Wrong(place, value, f"a list of at least {least}" if least else "a list")
        return tuple(_each(lambda one: item(f"{place}[{one[0]}]", one[1]), enumerate(value)))

    return check


def drawn(item: Check, *, numbers: bool = True) -> Check:
    """Check an item, or a range to draw items from, see `hyperspy_dlatoms.recipes.draw`."""
    # Items that are not `numbers` can only be drawn from a choice, not between two ends.

    def pair(place: str, value: Any, low: float = -math.inf) -> list[Any]:
        if not isinstance(value, (list, tuple)) or len(value) != 2:
            raise Wrong(place, value, "a range of two numbers, [low, high]")
        first, last = (number(finite=False)(place, one) for one in value)
        for end in (first, last):
            item(place, end)
        if math.isinf(first) or math.isinf(last):
            raise Wrong(place, value, "a range of finite numbers, or {choice: [..., .inf]}")
        if not first <= last:
            raise Wrong(place, value, "a rising range, [low, high]")
        if first <= low:
            raise Wrong(place, value, "a range of positive numbers, {log: [low, high]}")
        return [first, last]

    def check(place: str, value: Any) -> Any:
        if not numbers and isinstance(value, (list, tuple)):
            raise Wrong(place, value, "one value, or {choice: [...]} to draw from several")
        if isinstance(value, Mapping):
            if numbers and set(value) == {"log"}:
                return {"log": pair(f"{place}.log", value["log"], 0.0)}
            if not {"choice"} <= set(value) <= {"choice", "weights"}:
                expected = "[low, high], {log: [low, high]} or {choice: [...], weights: [...]}"
                raise Wrong(place, value, expected)
            options = listing(check, 1)(f"{place}.choice", value["choice"])
            if "weights" not in value:
                return {"choice": list(options)}
            weights = listing(number(0), len(options))(f"{place}.weights", value["weights"])
            if len(weights) != len(options) or not sum(weights):
                expected = f"{len(options)} numbers, one for each of {place}.choice and not all 0"
                raise Wrong(f"{place}.weights", value["weights"], expected)
            return {"choice": list(options), "weights": list(weights)}
        if isinstance(value, (list, tuple)):
            return pair(place, value)
        return item(place, value)

    return check


def chosen(item: Check) -> Check:
    """Check an item, or a choice of items."""
    return drawn(item, numbers=False)


def named(place: str, value: Any, checks: Mapping[str, Check], needed: Iterable[str] = ()) -> dict:
    """Check a mapping with one check per value, and return it in its own order."""
    if not isinstance(value, Mapping):
        raise Wrong(place or "the content", value, "names and their values")
    inner = f"{place}." if place else ""

    def checked(item: tuple[str, Any]) -> tuple[str, Any]:
        name, one = item
        if name in checks:
            return name, checks[name](f"{inner}{name}", one)
        close = difflib.get_close_matches(str(name), checks, 1)
        hint = f"did you mean {close[0]!r}? Expected" if close else "expected"
        raise ValueError(f"{inner}{name} is unknown; {hint} one of {', '.join(checks)}.")

    lacking = [name for name in needed if name not in value]
    wrong = [f"{place or 'the recipe'} lacks {name!r}." for name in lacking]
    return dict(_each(checked, value.items(), wrong))


def _each(check: Callable[[Any], Any], items: Iterable[Any], wrong: Sequence[str] = ()) -> list:
    """Check all items, and raise one error that lists everything wrong, one per line."""
    results, wrong = [], list(wrong)
    for item in items:
        try:
            results.append(check(item))
        except ValueError as error:
            wrong.append(str(error))
    if wrong:
        raise ValueError("\n".join(wrong))
    return results
