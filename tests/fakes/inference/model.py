"""Models that misbehave in one way each."""

from __future__ import annotations

import ctypes
import io
import os
import signal
import time
from pathlib import Path
from typing import IO, Any

from django.conf import settings

from tasks.errors import Code, InvalidInput
from tasks.inference.model import InferenceModel, Run


class FakeModel(InferenceModel):
    version = "fake-1"

    def load(self) -> None:
        self.loaded_by = os.getpid()

    def sample(self) -> None:
        self.brittle(Run())

    def brittle(self, run: Run, **arguments: Any) -> dict[str, Any]:
        """Dies while the installation is broken: while a file says so."""
        if (Path(settings.DATA) / "broken").exists():
            os.abort()
        return {"whole": True}

    def echo(self, run: Run, **arguments: Any) -> dict[str, Any]:
        files = {name: len(value.read()) for name, value in arguments.items() if hasattr(value, "read")}
        values = {name: value for name, value in arguments.items() if name not in files}
        return {"files": files, "values": values, "warnings": values.pop("warnings", [])}

    def speak(self, run: Run, text: str = "A,B", **arguments: Any) -> dict[str, Any]:
        """Its result can be corrected."""
        return {"speakers": text.split(",")}

    def refuse(self, run: Run, **arguments: Any) -> dict[str, Any]:
        raise InvalidInput(Code.NO_FACE, "There is nobody in it.")

    def fail(self, run: Run, **arguments: Any) -> dict[str, Any]:
        raise RuntimeError("/secret/path: something broke")

    def not_a_number(self, run: Run, **arguments: Any) -> dict[str, Any]:
        return {"value": float("nan")}

    def sleep(self, run: Run, seconds: float = 0.0, **arguments: Any) -> dict[str, Any]:
        run.progress(0.5, "sleeping")
        time.sleep(seconds)
        return {"slept": seconds}

    def hang(self, run: Run, seconds: float = 60.0, marker: str = "", **arguments: Any) -> dict[str, Any]:
        """In native code that holds the interpreter: no Python of this process runs meanwhile."""
        self.sign(marker)
        ctypes.PyDLL(None).usleep(int(seconds * 1e6))
        return {"hung": seconds}

    freeze = hang  # the same with a long deadline

    def gate(self, run: Run, marker: str, **arguments: Any) -> dict[str, Any]:
        """Waits until the file `marker`.open is there."""
        self.sign(marker)
        while not Path(f"{marker}.open").exists():
            time.sleep(0.01)
        return {"pid": os.getpid()}

    narrow_gate = gate  # the same with a short deadline

    def sign(self, marker: str) -> None:
        """One line with the pid of this process in the file `marker`, for each run that began."""
        if marker:
            with open(marker, "a") as file:
                file.write(f"{os.getpid()}\n")

    def eat(self, run: Run, marker: str = "", **arguments: Any) -> dict[str, Any]:
        """More memory than the kind may have."""
        self.sign(marker)
        eaten = bytearray(500_000_000)
        time.sleep(5)
        return {"eaten": len(eaten)}

    def burn(self, run: Run, milliseconds: float = 0.0, **arguments: Any) -> dict[str, Any]:
        """So much CPU time, in this thread."""
        end = time.thread_time() + milliseconds / 1000
        number = 1.0
        while time.thread_time() < end:
            for _ in range(2000):
                number = number * 1.0000001 + 1e-9
        return {"burned": milliseconds}

    def die(self, run: Run, signal_name: str = "SIGABRT", **arguments: Any) -> dict[str, Any]:
        return self.killed(signal_name)

    def die_once(self, run: Run, marker: str, signal_name: str = "SIGABRT", **arguments: Any) -> dict[str, Any]:
        """Dies the first time; `marker` is a path that remembers it."""
        try:
            os.close(os.open(marker, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return {"survived": True}
        return self.killed(signal_name)

    def double_free(self, run: Run, **arguments: Any) -> dict[str, Any]:
        """What dlib did under threads: glibc finds the heap damaged and aborts."""
        library = ctypes.CDLL(None)
        library.malloc.restype, library.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
        block = library.malloc(5000)
        library.free(block)
        library.free(block)
        return {}

    def steps(self, run: Run, marker: str = "", fault: str = "", seconds: float = 0.0, **arguments: Any) -> dict[str, Any]:
        """Five steps, each with a file and a checkpoint. The first attempt meets its fault in the third, between the two; `marker` is a
        path that remembers it."""
        taken = self.taken_before(run)
        begun_at = len(taken) + 1
        for step in range(begun_at, 6):
            run.progress(step / 5, f"step {step}")
            time.sleep(seconds)
            taken.append(f"step-{step}")
            run.save(f"{step}.txt", io.BytesIO(str(os.getpid()).encode()))
            if step == 3:
                self.meet(fault, marker)
            run.checkpoint(step, io.BytesIO(" ".join(taken).encode()))
        return {"begun_at": begun_at, "taken": taken, "pid": os.getpid()}

    def taken_before(self, run: Run) -> list[str]:
        kept = run.resume()
        if not kept:
            return []
        with kept[1] as file:
            return file.read().decode().split()

    short_steps = steps  # the same with a short deadline

    def meet(self, fault: str, marker: str) -> None:
        """Once: be killed, or wait until the test says so."""
        try:
            os.close(os.open(marker or os.devnull, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return
        if fault == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        while fault == "wait" and not Path(f"{marker}.go").exists():
            time.sleep(0.05)

    def grow(self, run: Run, megabytes: int = 100, **arguments: Any) -> dict[str, Any]:
        """A leak: what it takes it never gives back."""
        self.leaked = bytearray(os.urandom(1)) * (int(megabytes) * 1_000_000)
        return {"pid": os.getpid()}

    def killed(self, signal_name: str) -> dict[str, Any]:
        if signal_name == "SIGABRT":
            os.abort()
        os.kill(os.getpid(), signal.Signals[signal_name])
        return {}

    def save(self, run: Run, text: str = "", file: IO[bytes] | None = None, **arguments: Any) -> dict[str, Any]:
        run.save("note.txt", io.BytesIO(text.encode()))
        return {"saved": len(text)}
