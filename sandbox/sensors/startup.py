"""Files that run by themselves, by their path: what is written there outlives the work that wrote it."""

import re
from functools import lru_cache
from typing import Final

#: Of shells, of sessions, of interpreters and editors, of remote log-ins, of git, wherever they lie.
_STARTUP: Final = re.compile(
    r"/\.(?:bashrc|bash_profile|bash_login|bash_logout|bash_aliases|profile|zshrc|zshenv|zprofile|zlogin|zlogout|kshrc"
    r"|cshrc|login|xinitrc|xprofile|xsession|xsessionrc|pam_environment|inputrc|vimrc|exrc|emacs|gdbinit|lldbinit|pdbrc"
    r"|perldb|Rprofile|irbrc|psqlrc|sqliterc|tmux\.conf|screenrc|envrc|forward|procmailrc)$"
    r"|/\.jupyter/jupyter_\w+_config\.(?:py|json)$|/\.vscode/tasks\.json$|/\.emacs\.d/(?:early-)?init\.el$"
    r"|/\.config/(?:autostart|fish|environment\.d)/|/\.config/nvim/init\.|/\.ipython/profile_[^/]+/startup/"
    r"|/\.ssh/(?:rc|authorized_keys|environment)$|\.git/hooks/[a-z-]+$"
    r"|/(?:usercustomize|sitecustomize)\.py$|/(?:site|dist)-packages/[^/]+\.pth$"
    r"|^/etc/(?:ld\.so\.preload|profile|bash\.bashrc|environment|rc\.local|inputrc|zsh/|profile\.d/|xdg/autostart/|pam\.d/)"
    r"|^/root/"
)
#: Tables of timed and of supervised jobs.
_SCHEDULE: Final = re.compile(
    r"^/etc/(?:cron|anacrontab|init\.d/|rc\d\.d/|systemd/|inittab|supervisor)|^/var/spool/(?:cron|at|anacron)"
    r"|^/(?:usr/)?lib/systemd/|^/run/systemd/|/\.config/systemd/|/\.local/share/systemd/|/crontabs?(?:/|$)"
)


@lru_cache(maxsize=64)  # an agent opens few files, many times, and each opening waits for this
def runs(path: str) -> str | None:
    """What runs a file of that path by itself.

    ``schedule``: a scheduler or a supervisor; ``startup``: a shell, a session or an interpreter; None: nothing.
    """
    if _SCHEDULE.search(path) is not None:
        return "schedule"
    return "startup" if _STARTUP.search(path) is not None else None
