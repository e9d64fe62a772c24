# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys

import pytest

import hyperspy_dlatoms
from hyperspy_dlatoms import cli


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["find", "image.tif"], "-o"),
        (["find", "image.tif", "-o", "atoms.txt"], "does not end in .csv, .hspy or .xyz"),
        (["find", "image.tif", "-o", "atoms.csv", "--sampling", "fine"], "--sampling"),
        (["fly"], "fly"),
    ],
)
def test_usage(arguments, message, capsys):
    with pytest.raises(SystemExit) as error:
        cli.main(arguments)
    assert error.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("command", ["find", "train", "publish", "doctor"])
def test_help_has_examples_that_parse(command, capsys):
    with pytest.raises(SystemExit):
        cli.main([command, "--help"])
    printed = capsys.readouterr().out
    examples = printed.partition("examples:\n")[2]
    lines = [line for line in examples.splitlines() if line.strip().startswith("dlatoms ")]
    assert lines
    for line in lines:
        cli.make_parser().parse_args(shlex.split(line, comments=True)[1:])
    assert max(map(len, printed.splitlines())) <= 80


def test_examples_can_be_copied_into_every_shell():
    actions = cli.make_parser()._actions
    (commands,) = (one for one in actions if isinstance(one, argparse._SubParsersAction))
    texts = [parser.epilog for parser in (cli.make_parser(), *commands.choices.values())]
    lines = [line.strip() for text in texts for line in text.splitlines()]
    copied = [line for line in lines if not line.startswith(("#", "examples:"))]
    assert len(copied) > len(texts) and all(line.startswith("dlatoms ") for line in copied)
    # That of Windows takes ' for a letter, and it and that of macOS # for an argument.
    assert not [line for line in copied if {"'", "#"}.intersection(line)]


def test_a_reader_that_has_enough():
    program = os.path.join(os.path.dirname(sys.executable), "dlatoms")
    command = f"{program} completion bash | head -n 1"
    result = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert result.stdout == "_dlatoms() {\n" and not result.stderr


def test_without_a_command_it_prints_the_help(capsys):
    assert cli.main([]) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith("usage: dlatoms") and "classify" in printed.out
    assert not printed.err


def test_the_installed_command():
    program = os.path.join(os.path.dirname(sys.executable), "dlatoms")
    result = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == hyperspy_dlatoms.__version__
    result = subprocess.run(
        [program, "find", "missing.tif", "-o", "atoms.csv"], capture_output=True, text=True
    )
    assert result.returncode == 1
    assert result.stderr == "dlatoms: error: There is no file 'missing.tif'.\n"
