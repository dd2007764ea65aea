"""How a command ends: messages for people, exit codes for machines."""

import contextlib
import sys
from collections.abc import Iterator

from repertoire.errors import RepertoireError


@contextlib.contextmanager
def explained(*, debug: bool) -> Iterator[None]:
    """Turns what is raised inside into a message on stderr and an exit code: 0 done, 1 failed, 2 wrong input or
    settings, 3 refused by the gate or a lease. With `debug` the traceback is shown as well."""
    try:
        yield
    except RepertoireError as error:
        if debug:
            raise
        print(f"repertoire: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        print("repertoire: interrupted; nothing half-written stays. Start again to go on from here.", file=sys.stderr)
        sys.exit(1)
    except Exception as error:
        if debug:
            raise
        reason = str(error).strip().splitlines()
        print(f"repertoire: failed: {type(error).__name__}: {reason[0] if reason else ''}", file=sys.stderr)
        print("This is not a mistake of yours that Repertoire knows. --debug shows where it happened.", file=sys.stderr)
        sys.exit(1)
