"""The in-box runner: process 1 of every box. Python standard library only.

It connects to the host's control socket twice, which accepts no more than that, and serves the first
connection until it closes; then it ends, and the box with it. The second hands descriptors to the
host: first the door's, then its sensors'. Everything it starts runs as the agent's user with no capability.
It trusts nothing that the agent made: it never follows its links, waits for its processes without a
bound, or loads its files.

Requests carry ``id`` and ``op``; replies ``id`` and ``ok`` or ``error``; what a program prints, ``output``
(the id of its request) and ``stream``; a piece of a file, ``piece`` (likewise) and ``path``; what is seen
meanwhile, ``seen`` (an event kind) and ``data``.
"""

import os
import selectors
import signal
import socket
import time

import files
import processes
import tree
from disks import Disks
from forwarder import hand_over
from frames import Channel
from notify import Notify, hang_up
from privileges import AGENT, in_child
from programs import Program
from services import Services
from still import Still
from watch import Watch

PROTOCOL = 2
CONTROL = "/run/control.sock"
_CENSUS_SECONDS = 0.05
#: Seconds between two looks at the deadline where nothing runs.
_IDLE_SECONDS = 1.0
_HELLO_SECONDS = 30
_WRITE_SECONDS = 10
_CHUNK = 65_536


class Runner:
    """Serves the control connection."""

    def __init__(self, control: socket.socket, sensors: socket.socket, forward: bool) -> None:
        """``forward``: whether the box has to lead to its door itself."""
        self.control, self.sensors = control, sensors
        channel = Channel(control, self.left)
        self.send, self.receive = channel.send, channel.receive
        self.selector = selectors.DefaultSelector()
        self.programs: dict[int, Program] = {}
        self.census = processes.Census()
        self.disks = Disks([])
        self.services = Services(forward)
        self.rlimits: dict[str, int] = {}
        self.deadline = time.monotonic() + _HELLO_SECONDS

    def left(self) -> float:
        """Seconds that the box may still live; more than none, which would mean not to wait at all."""
        return max(self.deadline - time.monotonic(), 0.01)

    # -- the loop -------------------------------------------------------------------------------

    def serve(self) -> None:
        """Until the host closes the connection or the deadline passes."""
        wake_read, wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        # Without a handler the kernel keeps it from process 1, whoever in the box sends it.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        self.selector.register(wake_read, selectors.EVENT_READ, lambda: os.read(wake_read, _CHUNK))
        self.selector.register(self.control, selectors.EVENT_READ, lambda: self.handle(*self.receive()))
        hello, _ = self.receive()
        self.deadline = time.monotonic() + hello["deadline"]
        self.disks, self.rlimits = Disks(hello["mounts"]), hello["rlimits"]
        self.notify = Notify(self.sensors, hello["notify"])
        self.watch = Watch(hello["watch"])
        self.still = Still(self.watch)
        if self.watch.descriptor is not None:
            self.selector.register(self.watch.descriptor, selectors.EVENT_READ, self.watch.read)
        self.serve_agent()
        seen, self.notify.absent = processes.canary(self.notify.canary)
        names = self.services.canary()
        hang_up()
        network = os.stat("/proc/self/ns/net").st_ino
        told = {"canary": seen, "notify": self.notify.absent, "dns": names, "network": network}
        self.send({"hello": PROTOCOL, **told})
        looked = 0.0
        while time.monotonic() < self.deadline:
            for key, _ in self.selector.select(_CENSUS_SECONDS if self.programs else _IDLE_SECONDS):
                key.data()
            self.reap()
            if time.monotonic() - looked >= _CENSUS_SECONDS:
                # Idle boxes cost next to nothing; what an agent left is looked at before it is ended.
                self.look() if self.programs else self.tell_changes()
                looked = time.monotonic()

    def serve_agent(self) -> None:
        """Starts the box's own servers, where it has a door."""
        if self.services.pipe is not None:
            self.selector.unregister(self.services.pipe)
        if self.services.start(self.notify.confine):
            processes.OWN.clear()
            processes.OWN.add(self.services.pid)
            self.selector.register(self.services.pipe, selectors.EVENT_READ, self.relay)

    def relay(self) -> None:
        """Passes on which names were asked for."""
        for report in self.services.reports():
            self.send({"seen": "dns.query", "data": report})

    def tell_changes(self) -> None:
        """Reports changed files."""
        if (changed := self.watch.report()) is not None:
            self.send({"seen": "scaffold.changed", "data": changed})

    def look(self) -> None:
        """Reports changed files, new processes and full file systems."""
        self.tell_changes()
        for process in self.census.look():
            self.send({"seen": "process", "data": process})
        for full in self.disks.look():
            self.send({"seen": "disk.full", "data": full})

    def reap(self) -> None:
        """Collects ended children; tells the host of programs that ended."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid == self.services.pid:
                self.relay()
                self.serve_agent()
            program = self.programs.pop(pid, None)
            if program is not None:
                program.finish(status)

    # -- requests -------------------------------------------------------------------------------

    def handle(self, header: dict, body: bytes) -> None:
        """Answers one request; a program's answer comes when it ends."""
        operation = getattr(self, f"do_{header['op']}")
        try:
            answer = operation(header, body)
        except Exception as error:
            self.send({"id": header["id"], "error": f"{type(error).__name__}: {error}"})
            return
        if answer is not None:
            self.send({"id": header["id"], "ok": answer[0]}, answer[1])

    def do_begin(self, header: dict, body: bytes) -> tuple[dict, bytes]:
        """The box was made in advance: from now on its work has so many seconds."""
        self.deadline = time.monotonic() + header["deadline"]
        return {}, b""

    def do_put(self, header: dict, body: bytes) -> tuple[dict, bytes]:
        """Writes files as the agent's user."""
        writer = in_child(AGENT, lambda: tree.write_all(header["root"], header["files"], body))
        status = processes.wait_for(writer, _WRITE_SECONDS)
        if status is None:
            os.kill(writer, signal.SIGKILL)
            os.waitpid(writer, 0)
        if status != 0:
            raise OSError(f"the files for {header['root']} could not be written")
        if header["root"] != self.watch.root:
            return {}, b""
        self.watch.begin()
        return {"files": self.watch.absent}, b""

    def do_run(self, header: dict, body: bytes) -> None:
        """Starts a program as the agent's user."""
        pipes = {"stdout": os.pipe2(os.O_CLOEXEC), "stderr": os.pipe2(os.O_CLOEXEC)}

        def work() -> None:
            null = os.open("/dev/null", os.O_RDONLY)
            for target, source in ((0, null), (1, pipes["stdout"][1]), (2, pipes["stderr"][1])):
                os.dup2(source, target)
            os.chdir(header["cwd"])
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)
            self.notify.enter()
            os.execvpe(header["argv"][0], header["argv"], header["env"])

        pid = in_child(AGENT, work, self.rlimits)
        for _, write in pipes.values():
            os.close(write)
        readable = {name: read for name, (read, _) in pipes.items()}
        self.programs[pid] = Program(header["id"], pid, readable, header["output"], self.selector, self.send)
        self.send({"seen": "program.start", "data": {"argv": header["argv"], "pid": pid}})

    def do_manifest(self, header: dict, body: bytes) -> tuple[dict, bytes]:
        """Lists a directory with digests, or says that it is the same as in the listing numbered ``since``."""
        root, bounds = header["root"], (header["max_entries"], header["max_bytes"])
        if root != self.watch.root:
            return files.manifest(root, *bounds), b""
        self.tell_changes()
        if self.still.holds(header["since"]):
            return {"same": True}, b""
        self.still.begin()
        listing = files.manifest(root, *bounds, self.still.opened)
        if listing["incomplete"] is None:
            listing["mark"] = self.still.end([entry[0] for entry in listing["entries"] if entry[1] == "file"])
        return listing, b""

    def do_collect(self, header: dict, body: bytes) -> tuple[dict, bytes]:
        """Takes regular files out, piece by piece."""

        def take(path: str, piece: bytes) -> None:
            self.send({"piece": header["id"], "path": path}, piece)

        bounds = header["max_bytes"], header["max_files"]
        return files.collect(header["root"], *bounds, take, header["only"], header["first"]), b""

    def do_kill(self, header: dict, body: bytes) -> tuple[dict, bytes]:
        """Ends every process of the agent's user."""
        self.look()
        left = processes.left_running(self.programs)
        killed = processes.kill_all(self.reap)
        if killed is None:
            raise OSError("processes of the agent's user are left")
        self.reap()
        self.watch.read_last()
        self.look()
        if self.services.pipe is not None:
            self.relay()
        hang_up()
        lost = {"runner": self.census.unreported, "dns": self.services.lost, "files": self.watch.lost}
        return {"processes": killed, "left": left, "lost": lost}, b""


def main() -> int:
    """Connects and serves. The exit code is for the engine's log; the host needs none."""
    control, sensors = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
    for connection in (control, sensors):
        connection.connect(CONTROL)
    sensors.settimeout(_HELLO_SECONDS)
    try:
        Runner(control, sensors, not hand_over(sensors)).serve()
    except (ConnectionError, TimeoutError):
        return 0
    return 3
