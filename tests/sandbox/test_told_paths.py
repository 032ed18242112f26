"""Which changes of files are told, by their path; and that the host finds the path that a caller means."""

import os
from pathlib import Path

import pytest

from sandbox.sensors.paths import is_ordinary, is_told, named
from sandbox.sensors.startup import runs

ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="looks through a process's root")


@pytest.mark.parametrize(
    ("path", "by"),
    [
        ("/work/.bashrc", "startup"), ("/tmp/home/.profile", "startup"), ("/work/.config/autostart/a.desktop", "startup"),
        ("/work/.local/lib/python3.11/site-packages/usercustomize.py", "startup"),
        ("/work/.local/lib/python3.11/site-packages/x.pth", "startup"), ("/work/.ssh/authorized_keys", "startup"),
        ("/etc/profile.d/a.sh", "startup"), ("/etc/bash.bashrc", "startup"), ("/root/.x", "startup"),
        ("/work/.forward", "startup"), ("/work/p/.vscode/tasks.json", "startup"), ("/work/.envrc", "startup"),
        ("/work/.jupyter/jupyter_server_config.py", "startup"), ("/work/.jupyter/lab/x.json", None),
        ("/work/.vscode/settings.json", None), ("/work/forward", None),
        ("/work/.vimrc", "startup"), ("/work/.ipython/profile_default/startup/00.py", "startup"),
        ("/work/p/.git/hooks/post-commit", "startup"), ("/etc/ld.so.preload", "startup"),
        ("/work/p/.git/hooks/post-commit.sample", None), ("/work/.gitconfig", None), ("/work/hooks/post-commit", None),
        ("/etc/cron.d/job", "schedule"), ("/etc/crontab", "schedule"), ("/var/spool/cron/crontabs/agent", "schedule"),
        ("/work/.config/systemd/user/a.service", "schedule"), ("/etc/systemd/system/a.service", "schedule"),
        ("/work/bashrc", None), ("/work/.bashrc.md", None), ("/work/x.pth", None), ("/work/profile", None),
        ("/work/site.py", None), ("/etc/hosts", None), ("/work/customize.py", None), ("/work/.cache/pip/x", None),
    ],
)  # fmt: skip
def test_what_runs_by_itself_is_known_by_its_path(path: str, by: str | None) -> None:
    assert runs(path) == by


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/work/a.py", False), ("/tmp/x/y", False), ("/dev/null", False), ("/dev/shm/q", False),
        ("/agent/main.py", False), ("pipe:[4]", False), ("/workshop/a", True), ("/work/.zshrc", True),
        ("/logs/agent/log.jsonl", True), ("/task/brief.md", True), ("/etc/passwd", True), ("/proc/1/comm", True),
        ("/work/limits", True), ("/work/limits/a", True), ("/work", True), ("/work/limits2", False),
    ],
)  # fmt: skip
def test_a_change_is_told_outside_of_the_workspace_and_of_what_is_guarded_in_it(
    path: str, told: bool
) -> None:
    assert is_told(path, ["/work/limits"]) is told


@ROOT_ONLY
def test_the_path_is_the_one_that_a_call_would_change(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "file").touch()
    (tmp_path / "link").symlink_to("d/file")
    (tmp_path / "onward").symlink_to("d/new")
    (tmp_path / "again").symlink_to("onward")
    (tmp_path / "loop").symlink_to("loop")
    directory = os.open(tmp_path, os.O_PATH)
    me = os.getpid()
    try:
        place = str(tmp_path)
        assert named(me, directory, "link", follow=True) == f"{place}/d/file"
        assert named(me, directory, "link", follow=False) == f"{place}/link"
        assert named(me, directory, "again", follow=True) == f"{place}/d/new"
        assert named(me, directory, "d/../d/./none", follow=True) == f"{place}/d/none"
        assert named(me, -100, f"{place}/none/deep", follow=True) == f"{place}/none/deep"
        assert named(me, directory, "loop", follow=True).startswith(place)
        assert named(me, -100, f"/proc/self/fd/{directory}", follow=True) == place
        assert named(me, -100, "x", follow=True) == f"{Path.cwd()}/x"
        # Links of /proc lead where the caller is.
        (tmp_path / "top").symlink_to("/proc/self/root")
        for through in (
            "/proc/self/root",
            "/proc/thread-self/root",
            f"{place}/top",
            "/proc/self/root/proc/self/root",
        ):
            assert named(me, -100, f"{through}{place}/link", follow=True) == f"{place}/d/file"
            assert named(me, -100, f"{through}{place}/link", follow=False) == f"{place}/link"
            assert named(me, -100, f"{through}{place}/none", follow=True) == f"{place}/none"
        assert named(me, -100, "/proc/self/cwd/x", follow=True) == f"{Path.cwd()}/x"
        assert named(me, -100, f"/proc/self/fd/{directory}/d/../link", follow=True) == f"{place}/d/file"
    finally:
        os.close(directory)


@pytest.mark.parametrize(
    ("path", "ordinary"),
    [
        ("/app/main.py", True), ("/usr/lib/x.so", True), ("/root/notes.txt", True), ("/root/.cache/pip/x", True),
        ("/root/.bashrc", False), ("/home/app/.ssh/authorized_keys", False), ("/var/spool/cron/crontabs/root", False),
        ("/usr/lib/python3/dist-packages/sitecustomize.py", False), ("/etc/hosts", False), ("/proc/1/comm", False),
        ("/opt/tidegauge/main.py", False), ("/opt/tidegauge-notes", True), ("/logs/verifier/reward.txt", False),
    ],
)  # fmt: skip
def test_on_a_root_that_may_be_written_most_changes_are_everyday_work(path: str, ordinary: bool) -> None:
    assert is_ordinary(path) is ordinary
