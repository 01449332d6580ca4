"""`tillroll demo`: the five-minute tour."""

from typing import Annotated

import typer


def demo(
    directory: Annotated[
        str, typer.Argument(metavar="DIR", help="Where to make it: an empty or a new directory.")
    ] = "tillroll-demo",
) -> None:
    """Show what Tillroll does, with sample reports of two invented publishers: import, report, look up.

    Takes some seconds and about 30 MB. Run again on the same directory it finds the same reports, and imports
    nothing twice.

    Examples:

    \b
    tillroll demo
    tillroll demo /tmp/tour
    """
    from tillroll.cli.demo.folder import Folder
    from tillroll.cli.demo.tour import Tour

    Tour(Folder(directory)).run()
