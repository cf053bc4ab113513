"""Programs that a test starts, watches and ends."""
import os
import pathlib
import re
import signal
import socket
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Where the programs under test are; scripts/test sets it.
PROGRAMS = pathlib.Path(os.environ.get("KEDASTRAL_PROGRAMS", ROOT / ".build/debug"))


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Program:
    """A running program, by the words of its command line; as a context it is ended at the latest with the test."""

    def __init__(self, *words, cwd=ROOT, env=None):
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            [str(word) for word in words], cwd=cwd, env={**os.environ, **(env or {})}, stdin=subprocess.DEVNULL,
            stdout=self.log, stderr=self.log, start_new_session=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.log.close()

    @property
    def output(self):
        self.log.seek(0)
        return self.log.read().decode()

    def wait_for(self, pattern, seconds=60):
        """The match of a pattern in what it writes."""
        return eventually(lambda: re.search(pattern, self.output), self, seconds)

    def end(self):
        """Asks it to end as Kubernetes does; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=20)


def eventually(look, program, seconds=60):
    """What `look` returns as soon as that is something; errors count as nothing."""
    end = time.monotonic() + seconds
    while True:
        problem = None
        try:
            if found := look():
                return found
        except Exception as error:  # Whatever is not there yet.
            problem = error
        assert time.monotonic() < end and program.process.poll() is None, f"{problem}\n{program.output}"
        time.sleep(0.05)
