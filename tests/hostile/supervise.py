#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs a command as its subreaper, so that no process it ever started can get out of sight, and fails when one is left.

  supervise.py [--stage NAME] [--process REGEX] [--hold REGEX] [--delay S] [--send SIGNAL] [--to REGEX | --to-all] [--within S] -- COMMAND...

When a line "NAME ..." is on the command's stderr, and a process of its tree has a command line that matches --process,
and --delay is over, SIGNAL goes to the command (or to those of its tree that match --to, or to all of it).  From then on
it must end within S seconds.  Processes that match --hold are stopped as soon as they are seen, so that what waits
for them goes on waiting.  Exits as the command did (128 + N by signal N), 99 when it took too long, a process is
left 5 s after it, or the moment never came.  What the command says goes to stdout and stderr.
"""
import argparse, ctypes, os, re, signal, subprocess, sys, threading, time

PR_SET_CHILD_SUBREAPER = 36


def children(pid):
    found = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            found += open(f"/proc/{pid}/task/{task}/children").read().split()
    except OSError:
        pass
    return [int(child) for child in found]


def tree(pid):
    found, todo = [], children(pid)
    while todo:
        found.append(todo.pop())
        todo += children(found[-1])
    return found


def command_line(pid):
    try:
        return open(f"/proc/{pid}/cmdline", "rb").read().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def matching(pattern):
    return [pid for pid in tree(os.getpid()) if re.search(pattern, command_line(pid))]


def reap():
    try:
        while os.waitpid(-1, os.WNOHANG)[0] > 0:
            pass
    except ChildProcessError:
        pass


def die(text):
    print(f"supervise: {text}", file=sys.stderr, flush=True)
    for pid in tree(os.getpid()):
        print(f"  {pid} {command_line(pid)}", file=sys.stderr, flush=True)
    kill_all()
    sys.exit(99)


def kill_all():
    while tree(os.getpid()):
        for pid in tree(os.getpid()):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        reap()
        time.sleep(0.01)


class Stage(threading.Thread):
    """Passes the command's stderr on, and sees when the wanted stage begins."""

    def __init__(self, source, wanted):
        super().__init__(daemon=True)
        self.source, self.wanted, self.seen = source, wanted, threading.Event()
        if not wanted:
            self.seen.set()
        self.start()

    def run(self):
        for line in self.source:
            if self.wanted and line.startswith(f"{self.wanted} ...".encode()):
                self.seen.set()
            sys.stderr.buffer.write(line)
            sys.stderr.buffer.flush()


def options():
    parser = argparse.ArgumentParser()
    parser.add_argument("--stage")
    parser.add_argument("--process")
    parser.add_argument("--hold")
    parser.add_argument("--delay", type=float, default=0)
    parser.add_argument("--send")
    parser.add_argument("--to")
    parser.add_argument("--to-all", action="store_true")
    parser.add_argument("--within", type=float, default=60)
    parser.add_argument("command", nargs="+")
    return parser.parse_args()


def wait_for_moment(command, args, stage):
    while not stage.seen.is_set() or (args.process and not matching(args.process)):
        if command.poll() is not None:
            stage.join(5)
            die("the command ended before the moment came")
        for pid in matching(args.hold) if args.hold else []:
            os.kill(pid, signal.SIGSTOP)
        time.sleep(0.005)
    time.sleep(args.delay)


def send(command, args):
    number = getattr(signal, "SIG" + args.send)
    if args.to_all:
        return kill_all()
    targets = matching(args.to) if args.to else [command.pid]
    if not targets:
        die(f"no process matches {args.to}")
    for pid in targets:
        os.kill(pid, number)


def main():
    args = options()
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    command = subprocess.Popen(args.command, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
    stage = Stage(command.stderr, args.stage)
    limit = args.within
    if args.send:
        wait_for_moment(command, args, stage)
        send(command, args)
    try:
        status = 128 + signal.SIGKILL if args.to_all else command.wait(limit)
    except subprocess.TimeoutExpired:
        die(f"it did not end within {limit} s")
    end = time.monotonic() + 5
    while tree(os.getpid()):
        if time.monotonic() > end:
            die("processes are left:")
        reap()
        time.sleep(0.02)
    stage.join(5)
    sys.exit(status if status >= 0 else 128 - status)


main()
