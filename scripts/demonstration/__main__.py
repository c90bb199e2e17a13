"""Anchor, verify and trace on a trial chain or a network, from an empty folder; see `scripts/demo --help`."""

from __future__ import annotations

import sys

from demonstration import signals


def main() -> int:
    """The exit code of the demonstration; 130 also where it was interrupted before it began."""
    signals.listen()
    try:
        from demonstration.acts import run  # what it imports takes a second, in which somebody may press Ctrl-C

        return run()
    except KeyboardInterrupt:
        print("已中断 interrupted; nothing was started", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
