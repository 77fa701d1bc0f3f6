"""`python -m xylograph.tools`: the same as the command `xylograph`."""

from ._cli import main

if __name__ == "__main__":
    main()
