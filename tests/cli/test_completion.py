# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import shutil
import subprocess

import pytest

from hyperspy_dlatoms import cli

ASK = """
source {script}
COMP_WORDS=({words} {last!r})
COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
_dlatoms
echo "${{COMPREPLY[@]}}"
"""

SCANNED = ["stem", "stem-prototypes", "stem-random", "stem-ensemble"]


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
@pytest.mark.parametrize(
    ("words", "last", "expected"),
    [
        ("dlatoms", "cla", ["classify"]),
        ("dlatoms find image.tif", "--qual", ["--quality"]),
        ("dlatoms find image.tif --model", "ste", SCANNED),
        ("dlatoms find image.tif --on-extrapolation", "r", ["raise"]),
        ("dlatoms data", "mov", ["movie"]),
        # Files are left to the shell.
        ("dlatoms find", "image", []),
    ],
)
def test_bash(words, last, expected, tmp_path, capsys):
    assert cli.main(["completion", "bash"]) == 0
    script = tmp_path / "dlatoms"
    script.write_text(capsys.readouterr().out)
    text = ASK.format(script=script, words=words, last=last)
    result = subprocess.run(["bash", "-c", text], capture_output=True, text=True, check=True)
    assert result.stdout.split() == expected
    assert not result.stderr


def test_other_shells(capsys):
    assert cli.main(["completion", "bash"]) == 0
    bash = capsys.readouterr().out
    assert cli.main(["completion", "zsh"]) == 0
    printed = capsys.readouterr().out
    assert printed.endswith(bash) and "bashcompinit" in printed
    assert cli.main(["completion", "fish"]) == 0
    lines = capsys.readouterr().out.splitlines()
    (line,) = [line for line in lines if "from find'" in line and "-l model " in line]
    assert '-xa "$__dlatoms_models"' in line
    assert all(line.startswith(("complete -c dlatoms ", "set -g __dlatoms_")) for line in lines)
