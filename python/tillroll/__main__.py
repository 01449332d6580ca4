"""`python -m tillroll`: the same as the command `tillroll`."""

import sys

from tillroll.cli import main

if __name__ == "__main__":
    sys.exit(main())
