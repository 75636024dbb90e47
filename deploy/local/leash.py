"""Become another program that dies with its parent: `leash.py SIGNAL PARENT UID:GID COMMAND…`.

A supervisor that is SIGKILLed cannot stop its children, so the kernel must (prctl(2), PR_SET_PDEATHSIG). This
is a program of its own and not a `preexec_fn`, since Python code between fork and exec can deadlock in a
process with threads. It is run by path with `python -I -S`, imports no package of ours, and ends in exec, so
it costs about 15 ms once and no memory afterwards. Other systems than Linux have no such call: there the next
start ends what was left behind (`process.py`).
"""

import ctypes
import os
import sys

_PR_SET_PDEATHSIG = 1


def main(orphan_signal: int, parent: int, identity: str, command: list[str]) -> None:
    """Drop to the identity, tie the process to its parent, and exec the command."""
    libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
    if identity != "-":
        uid, gid = (int(part) for part in identity.split(":"))
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if libc is not None:
        # After setuid, which clears it.
        if libc.prctl(_PR_SET_PDEATHSIG, orphan_signal, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
        if os.getppid() != parent:  # it died before the line above
            sys.exit(1)
    try:
        os.execvp(command[0], command)  # noqa: S606  (no shell is the point)
    except OSError as error:
        sys.exit(f"cannot start {command[0]}: {error.strerror}")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4:])
