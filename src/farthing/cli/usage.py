"""What work used, as it is said at the command line, where the catalog says what that costs."""

from typing import Annotated

import typer

import farthing

Quantity = Annotated[
    str | None,
    typer.Option("--quantity", metavar="HOW MUCH", help="In what the feature measures: 8s, '2 min', 300 characters."),
]
TokensIn = Annotated[
    int | None, typer.Option("--tokens-in", metavar="N", help="Tokens that went in, cached ones included.")
]
TokensOut = Annotated[
    int | None, typer.Option("--tokens-out", metavar="N", help="Tokens that came out, those of reasoning included.")
]


def read_usage(tokens_in: int | None, tokens_out: int | None) -> farthing.Usage | None:
    """The tokens of one call, if any were said."""
    if tokens_in is None and tokens_out is None:
        return None
    return farthing.Usage(input=tokens_in, output=tokens_out)
