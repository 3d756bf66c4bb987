"""The console entry, ``losscheck`` and ``python -m losscheck``: whatever happens ends in a clear line."""

from __future__ import annotations

import os
import sys

_CANNOT_CHECK = 2
_INTERRUPTED = 130  # 128 + SIGINT, as shells count


def main() -> int:
    """Run the command line, here or where all is imported already, and give its exit code."""
    return run_guarded(may_hand_over=True)


def run_guarded(*, may_hand_over: bool = False) -> int:
    """Run the command line and give its exit code.

    Args:
        may_hand_over: whether a warm server may run it in our place.

    """
    try:
        if may_hand_over:
            from losscheck.warm.handover import hand_over

            if (code := hand_over(sys.argv[1:])) is not None:
                return code
        from losscheck.cli import run

        return run(sys.argv[1:])
    except KeyboardInterrupt:
        sys.stderr.write("losscheck: interrupted\n")
        return _INTERRUPTED
    except BrokenPipeError:
        # The reader has gone; what is still in the buffer must not raise again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _CANNOT_CHECK
    except Exception:
        import traceback

        sys.stderr.write(f"losscheck: a bug in losscheck, please report it\n{traceback.format_exc()}")
        return _CANNOT_CHECK


if __name__ == "__main__":
    sys.exit(main())
