# SPDX-License-Identifier: GPL-3.0-or-later
"""What is shown of a model card: what the network reads and finds, and how well."""

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from hyperspy_dlatoms._rows import WIDTH

Card: TypeAlias = Any  # A `ModelCard`, whose file imports this one.

# The text before each range of a domain, its unit, and the divisor of its values.
_UNITS = {
    "dose": ("", "e/Å²", 1.0),
    "energy": ("", "kV", 1e3),
    "defocus": ("defocus ", "Å", 1.0),
    "defocus_step": ("steps of ", "Å", 1.0),
    "Cs": ("Cs ", "µm", 1e4),
}
# As `training._thresholds` writes them.
_HELD_OUT = re.compile(r"(F1|precision|rms error) at ([\d.]+) e/Å²(?: \(pm\))?")
_EMPTY = "false atoms on vacuum and amorphous carbon (nm⁻²)"
_TERMS = (
    "precision: fraction of the atoms found that are right; recall: fraction of the true atoms "
    "that were found; F1: their harmonic mean, 1 at best; rms: error of the positions of right "
    "atoms along an axis."
)
_OF_HELD_OUT = (
    "held out: {} images per dose that were kept back from training, with all specimens, lenses "
    "and cameras in the recipe, even the worst, so that no dose is easy. The threshold was chosen "
    "on them (dlatoms calibrate)."
)
_OF_BENCHMARK = (
    "benchmark: new specimens ({}), {} images of each, with the same lens, so that only the dose "
    "changes (dlatoms evaluate). It is the easier of the two, and the one to compare networks by."
)


def rows_of(card: Card) -> Iterator[tuple[str, str]]:
    """Yield names and values of what the network is for, and how it was made."""
    images = f"focal series of {card.images} images" if card.images > 1 else "single images"
    low, high = card.domain.get("sampling", (None, None))
    sampling = f", {low:g} to {high:g} Å/px" if low is not None and high is not None else ""
    yield "reads", f"{images} ({card.modality}){sampling}, resampled to {card.sampling:g} Å/px"
    if card.kind == "exit wave":
        yield "returns", "the exit wave"
    else:
        heights = ", and the number of atoms in each" if card.heights else ""
        yield "finds", ", ".join(card.classes) + heights
    if card.materials:
        yield "materials", ", ".join(card.materials)
    ranges = [_range(name, card.domain[name]) for name in _UNITS if name in card.domain]
    if ranges:
        yield "trained on", "; ".join(ranges)
    if structures := card.domain.get("structures"):
        yield "specimens", ", ".join(structures)
    if card.kind != "exit wave":
        weak = f"; a group of connected atoms needs one of {card.anchor:g}" if card.anchor else ""
        yield "threshold", f"probability {card.threshold:g}{weak}"
    if (steps := card.training.get("steps")) and (minutes := card.training.get("minutes")):
        minutes = f"{minutes:g}" if isinstance(minutes, float) else minutes
        yield "training", f"{minutes} minutes, {steps} steps"


def scores_of(card: Card) -> list[str]:
    """Return the scores, a row per dose, and what they mean, in lines of 79 columns."""
    try:
        return _explained(card)
    except (TypeError, ValueError, AttributeError):
        # Scores of others may use our names for something else.
        return _others(card.scores)


def _explained(card: Card) -> list[str]:
    held_out, rest = _held_out(card.scores)
    evaluation = card.scores.get("evaluation")
    evaluation = evaluation if isinstance(evaluation, Mapping) else {}
    benchmark = evaluation.get("dose", {})
    lines = []
    if held_out or benchmark:
        lines += [*_table(held_out, benchmark), ""]
        lines += textwrap.wrap(_TERMS, WIDTH)
    if held_out:
        number = card.scores.get("held-out images a dose", "some")
        lines += textwrap.wrap(_OF_HELD_OUT.format(number), WIDTH)
    if benchmark:
        material, frames = (evaluation.get(name, "some") for name in ("material", "frames"))
        lines += textwrap.wrap(_OF_BENCHMARK.format(material, frames), WIDTH)
    empty = card.scores.get(_EMPTY)
    if empty is not None:
        text = f"Without a specimen, on vacuum and amorphous carbon: {empty:g} false atoms per nm²"
        worst = evaluation.get("false atoms per nm²")
        text += "." if worst is None else f" (benchmark, at worst: {worst:g})."
        lines += ["", *textwrap.wrap(text, WIDTH)]
    calibrated = evaluation.get("expected calibration error")
    if calibrated is not None:
        lines += textwrap.wrap(
            f"Probabilities are off by {calibrated:.3f} on average; "
            f"{evaluation.get('within one sigma', float('nan')):.0%} of the errors are within one "
            "predicted sigma (68 % of normally distributed errors would be).",
            WIDTH,
        )
    shown = ("evaluation", "held-out images a dose", _EMPTY, "species")
    species = card.scores.get("species")
    if isinstance(species, Mapping) and species:
        lines += ["", *_species_table(species)]
    left = {name: value for name, value in rest.items() if name not in shown}
    if "validation_loss" in left:
        left["loss on held-out images"] = left.pop("validation_loss")
    if others := _others(left):
        lines += ["", "Other scores", *others]
    return lines[1:] if lines[:1] == [""] else lines


def _others(scores: Mapping[str, Any]) -> list[str]:
    """Return scores as they are, in lines of 79 columns."""
    lines: list[str] = []
    for name, value in _flat(scores):
        text = f"{name}: {value}"
        lines += textwrap.wrap(text, WIDTH, initial_indent="  ", subsequent_indent="    ")
    return lines


def _range(name: str, values: Sequence[float | None]) -> str:
    label, unit, scale = _UNITS[name]
    low, high = (None if one is None else one / scale for one in values)
    if low is None:
        return f"{label}any {unit}"
    if high is None:
        return f"{label}{low:g} {unit} and more"
    if low == -high:
        return f"{label}up to ±{high:g} {unit}"
    return f"{label}{low:g} to {high:g} {unit}"


def _held_out(scores: Mapping[str, Any]) -> tuple[dict[str, dict[str, float]], dict[str, Any]]:
    """Return the scores of calibration by dose, and all others."""
    by_dose: dict[str, dict[str, float]] = {}
    rest = {}
    for name, value in scores.items():
        found = _HELD_OUT.fullmatch(name)
        if found:
            by_dose.setdefault(found[2], {})[found[1]] = value
        else:
            rest[name] = value
    return by_dose, rest


def _table(
    held_out: Mapping[str, Mapping[str, float]], benchmark: Mapping[str, Mapping[str, float]]
) -> list[str]:
    """Return both kinds of scores side by side, with headings."""
    ours = (("F1", "F1"), ("precision", "precision"), ("rms error", "rms pm"))
    theirs = (("f1", "F1"), ("precision", "precision"), ("recall", "recall"), ("rms", "rms pm"))
    parts: list[tuple[str, tuple, Mapping]] = [("held out", ours, held_out)] if held_out else []
    if benchmark:
        parts.append(("benchmark", theirs, benchmark))
    above, below = f"{'dose':>8}", f"{'e/Å²':>8}"
    for title, columns, _ in parts:
        head = "".join(f"{label:>{_wide(label)}}" for _, label in columns)
        above += "   " + f" {title} ".center(len(head) - 2, "-").rjust(len(head))
        below += "   " + head
    lines = [above, below]
    for dose in sorted({*held_out, *benchmark}, key=float):
        line = f"{float(dose):>8g}" if float(dose) < 1e6 else f"{dose:>8}"
        for _, columns, scores in parts:
            line += "   "
            for name, label in columns:
                value = scores.get(dose, {}).get(name)
                digits = 1 if label == "rms pm" else 2
                text = "-" if value is None else f"{value:.{digits}f}"
                line += f"{text:>{_wide(label)}}"
        lines.append(line.rstrip())
    return lines


def _species_table(species: Mapping[str, Mapping[str, Mapping[str, float]]]) -> list[str]:
    """Return the F1 of each species at each dose."""
    doses = sorted({dose for scores in species.values() for dose in scores}, key=float)
    start = max(map(len, species)) + 2
    lines = ["F1 of each species, by the dose of an image (e/Å²):"]
    lines.append(" " * start + "".join(f"{dose:>9}" for dose in doses))
    for name, scores in species.items():
        values = (scores.get(dose, {}).get("f1") for dose in doses)
        numbers = ("-" if value is None else f"{value:.2f}" for value in values)
        lines.append(f"{name:{start}}" + "".join(f"{one:>9}" for one in numbers))
    return lines


def _wide(label: str) -> int:
    return max(len(label), 5) + 2


def _flat(scores: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    """Yield a row for each score; the numbers of a group, such as a dose, share one."""
    for name, value in scores.items():
        if not isinstance(value, Mapping):
            yield f"{before}{name}".replace("_", " "), _short(value)
            continue
        groups = {n: one for n, one in value.items() if isinstance(one, Mapping)}
        known = {n: one for n, one in value.items() if n not in groups and one is not None}
        if known:
            alone = ", ".join(f"{n} {_short(one)}" for n, one in known.items())
            yield f"{before}{name}", alone
        yield from _flat(groups, f"{before}{name}, ")


def _short(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
