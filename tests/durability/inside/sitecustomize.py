"""Kills the process of a run at named points of its work; placed on PYTHONPATH by the floor.

It does something only in ``pitstop run-process``, and only while the file that DURABILITY_POINT
names is there. The file holds a list of points ``{"when", "event", "name", "act", "delay"}``, one
for each process to die at: before or after that line of the journal is committed (``in``: it is only
stopped, while it holds the journal's lock), or before the Nth
act of the step ``name``, or ``delay`` seconds later. An act is what changes something outside: a
command, a file written or moved, a call to supervisord. A step that ends with fewer acts dies before
its *finished* line. A point is struck off right before the process dies: nobody dies of it twice.
``[{"record": FILE}]`` only notes the acts.
"""

import json
import os
import re
import signal
import sys
import threading
import time

_CALL = re.compile(rb"supervisor\.(add|remove|start|stop|reload|shutdown)\w*")
_FILES = {"os.rename", "os.mkdir", "os.remove", "os.rmdir", "shutil.rmtree"}


class Killer:
    """Follows which step each thread is in, and ends the process at its point."""

    def __init__(self, path):
        self.path, self.point, self.rest = path, {}, []
        self.steps, self.acts, self.quiet = {}, 0, False
        self.lock = threading.Lock()

    def read(self):
        """Read what is left for us to die of, once we hold the run: others may wait beside us.

        A process that was started again may write its first lines from two threads at once: both
        wait here, or one of them would walk past its point.
        """
        with self.lock:
            if self.point:
                return
            point, rest = {"when": "never"}, []
            if os.path.exists(self.path):
                with open(self.path) as file:
                    point, *rest = json.load(file)
            self.rest, self.point = rest, point

    def arm(self):
        """Stand between the journal and those who write into it, and hear of every act."""
        from pitstop.journal import store

        append = store.Journal.append

        def watched(journal, event, data, **more):
            self.read()
            name = more.get("step") or data.get("question") or data.get("status")
            here = event == self.point.get("event") and self.point["name"] in (None, name)
            if here and self.point["when"] in ("before", "act"):
                self.die()
            if here and self.point["when"] == "in":
                self.stop_in_a_write(journal)
            result = append(journal, event, data, **more)
            if event == "started":
                self.steps[threading.get_ident()] = more["step"]
            elif event in ("finished", "failed", "stopped"):
                self.steps.pop(threading.get_ident(), None)
            if here and self.point["when"] == "after":
                self.die_soon()
            return result

        store.Journal.append = watched
        sys.addaudithook(self.hear)

    def hear(self, event, args):
        """Count an act of the step; called right before it is done."""
        step = self.steps.get(threading.get_ident())
        if self.quiet or step is None or not (act := described(event, args)):
            return
        if record := self.point.get("record"):
            self.quiet = True
            with open(record, "a") as file:
                file.write(f"{step}\t{act}\n")
            self.quiet = False
        elif self.point.get("when") == "act" and step == self.point["name"]:
            self.acts += 1
            if self.acts == self.point["act"]:
                self.die_soon()

    def stop_in_a_write(self, journal):
        """Stand still with the journal locked, as a machine that is out of memory does it."""
        os.unlink(self.path)
        journal._db.execute("BEGIN IMMEDIATE")
        os.kill(os.getpid(), signal.SIGSTOP)
        journal._db.execute("ROLLBACK")

    def die_soon(self):
        """Die now, or while what comes next is under way."""
        if not self.point.get("delay"):
            self.die()

        def later():
            time.sleep(self.point["delay"])
            self.die()

        threading.Thread(target=later, daemon=True).start()

    def die(self):
        """Strike the point off, and die of it."""
        if self.quiet:
            time.sleep(60)  # another thread is about to end us
        if not os.path.exists(self.path):
            return
        self.quiet = True
        if self.rest:
            with open(self.path + ".new", "w") as file:
                json.dump(self.rest, file)
            os.replace(self.path + ".new", self.path)
        else:
            os.unlink(self.path)
        os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(60)


def described(event, args):
    """Return an act in words, or None for what changes nothing outside."""
    if event == "subprocess.Popen":
        words = [os.fsdecode(word) for word in args[1]]
        return None if "_reaper.py" in words[-1] else " ".join(words)[:300]
    if event in _FILES:
        return f"{event} {args[0]} {args[1] if event == 'os.rename' else ''}".strip()
    if event == "open":
        path, mode, flags = args
        writes = (mode and set(mode) & set("wax+")) or (flags or 0) & (os.O_WRONLY | os.O_RDWR)
        if writes and isinstance(path, (str, bytes)) and not os.fsdecode(path).startswith("/dev/"):
            return f"write {os.fsdecode(path)}"
    if event == "http.client.send":
        found = _CALL.search(bytes(args[1])) if isinstance(args[1], (bytes, bytearray)) else None
        return found and found[0].decode()
    if event == "urllib.Request":
        return f"POST {args[0]}"
    return None


def main():
    """Arm, if this is the process of a run and somebody named a point."""
    path = os.environ.get("DURABILITY_POINT", "")
    if "run-process" not in sys.orig_argv or not os.path.exists(path):
        return
    sys.dont_write_bytecode = True
    Killer(path).arm()


main()
