"""`python -m trimtab`, for paths that a console script's first line cannot hold."""

from trimtab.cli import main

main()
