"""Whether somebody could change a file at this moment, which its news do not tell: a mapping of memory writes unseen."""

import fcntl
import signal


def is_writable(file: int) -> bool:
    """Whether somebody has a file open for writing or mapped so, or it cannot be told; ``file``: open for reading.

    While there is one the kernel grants no read lease. Needs root.
    """
    try:
        # Who opens it for writing just now has this process signalled: by what means nothing to it. Giving the lease
        # back ends that, and the next one would signal by what ends this process.
        fcntl.fcntl(file, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError:
        return True
    return False
