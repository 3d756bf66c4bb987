"""Losses as hostile as users' losses get; `fake_server` calls them without arguments."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path


def fine():
    return os.getpid()


def napping():
    start = time.monotonic()
    time.sleep(0.3)
    return f"{start} {time.monotonic()}"


def writing_a_temporary_file():
    with tempfile.NamedTemporaryFile(delete=False) as file:
        return file.name


def forking():
    child = os.fork()
    if not child:
        return "second"
    os.waitpid(child, 0)
    return f"first {sorted(Path(tempfile.gettempdir()).glob('result.*'))}"


def hanging():
    while True:
        time.sleep(0.01)  # <- hanging


def deaf():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        pass


def exiting():
    os._exit(3)


def leaving_quietly():
    os._exit(0)


def crashing():
    ctypes.string_at(0)  # <- crashing


def aborting():
    os.abort()  # <- aborting


def hanging_late():
    hanging()


def compiling_and_aborting():
    os.abort()


def compiling_and_hanging():
    hanging()


def compiling():
    return "whole"


def logged_by_tensorflow_2_16():
    os.write(2, b"WARNING: All log messages before absl::InitializeLog() is called are written to STDERR\n")
    os.write(2, b"I0000 00:00:1795907673.997991   11446 service.cc:145] XLA service 0x5 initialized\n")
    os.write(2, b"I0000 00:00:1795909808.598518    3180 device_compiler.h:188] Compiled cluster\n")
    print("I0000 is what the loss prints")
    os.write(2, b"F0000 00:00:1795907673.997991   11446 list.cc:62] Check failed\n")


def printing():
    print("from print")
    print("from stderr", file=sys.stderr)
    sys.stdout.write("unfinished line")
    os.write(1, b" and bytes \xff")
    subprocess.run(["echo", " from a process"], check=True)


def printing_and_exiting():
    print("last words")
    os._exit(3)


def chattering():
    print("x" * 1_000_000)


def chattering_forever():
    while True:
        print("y" * 10_000)


def closing():
    for descriptor in (0, 1, 2):
        os.close(descriptor)
    return "closed"


def closing_everything():
    os.closerange(0, 256)
    return "closed"


def reading():
    return repr(sys.stdin.read())


def starting_a_process():
    return subprocess.Popen(["sleep", "60"]).pid


def starting_a_process_and_exiting():
    Path("pid.txt").write_text(str(subprocess.Popen(["sleep", "60"]).pid))
    os._exit(3)


def starting_a_process_and_hanging():
    Path("pid.txt").write_text(str(subprocess.Popen(["sleep", "60"]).pid))
    hanging()


def threading_on():
    threading.Thread(target=hanging, daemon=False).start()
    return "returned"


def moving_away():
    os.chdir("/")
    return Path.cwd()


def telling_where():
    return Path.cwd()


def telling_arguments():
    return sys.argv


def raising_in_the_engine():
    raise ZeroDivisionError("a bug of ours")


def interrupting():
    raise KeyboardInterrupt  # <- interrupting


def hoarding():
    kept = []
    while True:
        kept.append(b"x" * 2**22)  # <- hoarding


def hoarding_elsewhere():
    program = "kept = []\nwhile True: kept.append(b'x' * 2**22)"
    subprocess.run([sys.executable, "-c", program], check=False)  # <- hoarding_elsewhere


def sharing():
    kept = b"x" * 2**27
    for _ in range(4):
        if os.fork() == 0:
            time.sleep(60)
    time.sleep(1)
    return "shared" if kept else ""


def starting_a_daemon():
    return subprocess.Popen(["sleep", "60"], start_new_session=True).pid


def breaking_the_file_system():
    os.open = os.rename = Path.write_text = Path.open = None


def failing():
    from losscheck.report import Failure

    return Failure("target", "load", "TargetError", "no such name")


def killing_the_server():
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(60)


def starting_a_process_and_killing_the_server():
    with Path("pids.txt").open("a") as file:
        file.write(f"{subprocess.Popen(['sleep', '60']).pid}\n")
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(60)


def killing_the_server_once():
    with contextlib.suppress(FileExistsError):
        Path("once").touch(exist_ok=False)
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(60)
    return "second time"
