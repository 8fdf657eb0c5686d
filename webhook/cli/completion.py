"""`scaleguard completion`: what a shell needs to complete commands and options."""

import click
from click.shell_completion import get_completion_class

_PLACES = {
    "bash": "source <(scaleguard completion bash)   # in ~/.bashrc",
    "zsh": "source <(scaleguard completion zsh)    # in ~/.zshrc",
    "fish": "scaleguard completion fish > ~/.config/fish/completions/scaleguard.fish",
}


@click.command(epilog="\b\nExamples:\n" + "\n".join(f"  {place}" for place in _PLACES.values()))
@click.argument("shell", type=click.Choice(list(_PLACES)))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the completion script for SHELL."""
    completion = get_completion_class(shell)
    if completion is None or ctx.parent is None:
        raise click.ClickException(f"no completion for {shell}")
    script = completion(ctx.parent.command, {}, "scaleguard", "_SCALEGUARD_COMPLETE").source()
    click.echo(script)
