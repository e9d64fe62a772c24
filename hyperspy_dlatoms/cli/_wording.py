# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages of the package, reworded for the command line."""

import re
from collections.abc import Collection

_COMMANDS = {"find_atoms_nn": "dlatoms find", "classify_species": "dlatoms classify"}
_ADVICE = {
    r"Put single images together with hs\.stack\(.*?\)\.": (
        "Give the files of its images in one command, in the order of the series."
    ),
    r"Pick (\d+) images with inav, or": r"Give files of \1 images, or",
    r" \(to estimate_sampling, or as .*?\), or an ase\.Atoms of the columns that are seen": "",
}


def in_options(text: str, names: Collection[str]) -> str:
    """Turn the arguments that a message names into options; `names` are those that exist."""
    for advice, ours in _ADVICE.items():
        text = re.sub(advice, ours, text)
    for name in names:
        option = f"--{name.replace('_', '-')}"
        start = rf"(?<![\w.-]){name}"
        text = re.sub(rf"{start}=(['\"])(.*?)\1", rf"{option} \2", text)
        text = re.sub(rf"{start}=True\b", option, text)
        text = re.sub(rf"{start}=(?=[\w.])", f"{option} ", text)
        if "_" in name:
            text = re.sub(rf"{start}(?![\w(])", option, text)
        text = re.sub(rf"^{name}(?= (?:is|has|are) )", option, text)
        text = re.sub(rf"\b(give|Give|pass) (?:the )?{name}\b", rf"\1 {option}", text)
    for method, command in _COMMANDS.items():
        text = re.sub(rf"(?<![\w.]){method}\b", command, text)
    return text
