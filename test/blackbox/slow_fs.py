"""slow_fs.py - a directory mounted through slow_fs, and which of its operations hang."""
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile

from server import NO_LEAK_CHECK, PATIENCE, SKIP, Stream, environment, under_test, until


def program():
    """It is built in the tree in which the server is."""
    return os.path.join(os.path.dirname(under_test.binary), "test", "blackbox", "slow_fs")


def refusal():
    """Why this machine cannot mount; None when it can."""
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        return "/dev/fuse cannot be opened here"
    if not os.path.exists(program()):
        return f"{program()} is not built"
    top = tempfile.mkdtemp(prefix="ringlet-")
    try:
        with SlowFs(top):
            return None
    except OSError as error:
        return str(error)
    finally:
        shutil.rmtree(top, ignore_errors=True)


def skip_without():
    """End the program, skipped, where nothing can be mounted."""
    why = refusal()
    if why:
        print(f"skipped: nothing can be mounted on this machine ({why})")
        sys.exit(SKIP)


class SlowFs:
    """`top`/disk, shown at `top`/NAME. Nothing hangs at first."""

    def __init__(self, top, name="mnt"):
        self.disk = os.path.join(top, "disk")
        self.mount_point = os.path.join(top, name)
        self.control = os.path.join(top, "control")
        for path in (self.disk, self.mount_point):
            os.makedirs(path, exist_ok=True)
        self.rules()
        self.process = subprocess.Popen(
            [program(), self.disk, self.mount_point, self.control], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, env=environment(NO_LEAK_CHECK))  # libfuse has a small one
        self.stdout = Stream(self.process.stdout)
        until(lambda: "mounted" in self.lines() or self.process.poll() is not None)
        if "mounted" not in self.lines():
            self.close()
            raise OSError(f"slow_fs did not mount, and left with {self.process.returncode}")

    def lines(self):
        return self.stdout.text().splitlines()

    def path(self, name):
        return os.path.join(self.disk, name)

    def write(self, name, content):
        with open(self.path(name), "wb") as file:
            file.write(content)

    def rules(self, *rules):
        """From now on what these say hangs, and nothing else."""
        with open(self.control + ".new", "w", encoding="ascii") as file:
            file.write("".join(rule + "\n" for rule in rules))
        os.rename(self.control + ".new", self.control)

    def began(self, operation):
        """How many operations of this kind have begun to hang."""
        return sum(line.startswith(operation + " ") for line in self.lines())

    def wait_for(self, operation, count):
        if not until(lambda: self.began(operation) >= count, PATIENCE):
            raise AssertionError(f"{count} of {operation} should hang: {self.lines()}")

    def close(self):
        self.rules()
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(PATIENCE)
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        subprocess.run(["umount", "-l", self.mount_point], check=False, capture_output=True)
        self.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
