"""``python -m hdsl``."""

from __future__ import annotations

import sys

from hdsl.cli import main

if __name__ == "__main__":
    sys.exit(main())
