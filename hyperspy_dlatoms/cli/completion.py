# SPDX-License-Identifier: GPL-3.0-or-later
"""The command ``dlatoms completion``."""

import argparse
import shlex
from collections.abc import Iterator, Mapping

HELP = "print a script that lets a shell complete commands, options and model names"
EXAMPLES = """
dlatoms completion bash >> ~/.bashrc
dlatoms completion zsh >> ~/.zshrc
dlatoms completion fish > ~/.config/fish/completions/dlatoms.fish
"""

_BASH = """\
_dlatoms() {{
    local current=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}} words=
    local models="{models}"
    local data="{data}"
    if [ "$COMP_CWORD" -eq 1 ]; then
        words="{commands}"
    else
        case "${{COMP_WORDS[1]}} $before" in
{values}
        *)
            case "${{COMP_WORDS[1]}}" in
{options}
            esac ;;
        esac
    fi
    COMPREPLY=($(compgen -W "$words" -- "$current"))
}}
complete -o default -F _dlatoms dlatoms
"""
_ZSH = "autoload -U +X compinit && compinit\nautoload -U +X bashcompinit && bashcompinit\n"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare its arguments."""
    parser.add_argument("shell", choices=("bash", "zsh", "fish"), help="the shell")


def run(options: argparse.Namespace) -> None:
    """Print the script of a shell, with the models and data sets of the package."""
    from hyperspy_dlatoms import registry
    from hyperspy_dlatoms.cli import make_parser

    (commands,) = (a for a in make_parser()._actions if isinstance(a, argparse._SubParsersAction))
    known = {
        name: " ".join(item.entry.name for item in registry.list(*kinds, offline=True))
        for name, kinds in (("models", ("model", "ensemble")), ("data", ("dataset", "example")))
    }
    if options.shell == "fish":
        print("\n".join(_fish(commands, known)))
    else:
        print(_ZSH * (options.shell == "zsh") + _bash(commands, known), end="")


def _bash(commands: argparse._SubParsersAction, known: Mapping[str, str]) -> str:
    values, options = [], []
    for name, parser in commands.choices.items():
        words = []
        for action in parser._actions:
            of_action = _values(name, action)
            if not action.option_strings:
                words += [of_action] * bool(of_action)
                continue
            words += action.option_strings
            if of_action:
                cases = "|".join(f"'{name} {option}'" for option in action.option_strings)
                values.append(f'        {cases}) words="{of_action}" ;;')
        options.append(f'            {name}) words="{" ".join(words)}" ;;')
    return _BASH.format(
        commands=" ".join(commands.choices),
        values="\n".join(values),
        options="\n".join(options),
        **known,
    )


def _fish(commands: argparse._SubParsersAction, known: Mapping[str, str]) -> Iterator[str]:
    for name, names in known.items():
        yield f"set -g __dlatoms_{name} {names}"
    about = {action.dest: str(action.help) for action in commands._choices_actions}
    for name, parser in commands.choices.items():
        yield (
            f"complete -c dlatoms -f -n __fish_use_subcommand -a {name} "
            f"-d {shlex.quote(about[name])}"
        )
        start = f"complete -c dlatoms -n '__fish_seen_subcommand_from {name}'"
        for action in parser._actions:
            values = _values(name, action).replace("$", "$__dlatoms_")
            if not action.option_strings:
                if values:
                    yield f'{start} -a "{values}"'
                continue
            names = " ".join(
                f"-l {one[2:]}" if one.startswith("--") else f"-s {one[1:]}"
                for one in action.option_strings
            )
            takes = f' -xa "{values}"' if values else " -r" * (action.nargs != 0)
            text = str(action.help).replace("%(default)s", f"{action.default}")
            yield f"{start} {names}{takes} -d {shlex.quote(text.partition(';')[0])}"


def _values(command: str, action: argparse.Action) -> str:
    """Return the known values of an option or argument, or a variable that holds them."""
    if action.choices is not None:
        return " ".join(map(str, action.choices))
    if action.dest in ("model", "models") or (command, action.dest) == ("models", "name"):
        return "$models"
    named = command in ("data", "fetch") and action.dest in ("name", "names")
    return "$data" if named else ""
