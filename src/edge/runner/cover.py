"""Tells which lines of Python files can run, and which did. No setting of the tree and no comment in it leaves a line out."""

import dis
import json
import os
import sys


def lines(out, root, names):
    def of(code):
        found = {line for _, line in dis.findlinestarts(code) if line}
        return found.union(*(of(const) for const in code.co_consts if hasattr(const, "co_code")))

    told = {}
    for name in names:
        try:
            with open(os.path.join(root, name), "rb") as file:
                told[name] = sorted(of(compile(file.read(), name, "exec", dont_inherit=True)))
        except (SyntaxError, ValueError, OSError, RecursionError):
            told[name] = None
    with open(out, "w") as file:
        json.dump(told, file)


def run(out, root, args):
    import atexit
    import runpy
    import threading

    seen = {}

    def line(frame, event, _):
        if event == "line":
            seen[frame.f_code.co_filename].add(frame.f_lineno)
        return line

    def call(frame, event, _):
        name = frame.f_code.co_filename
        if not name.startswith(root):
            return None
        seen.setdefault(name, set()).add(frame.f_lineno)
        return line

    def tell():
        sys.settrace(None)
        with open(out, "w") as file:
            json.dump({name[len(root) :]: sorted(found) for name, found in list(seen.items())}, file)

    atexit.register(tell)
    sys.path[0] = os.getcwd()
    sys.argv = ["pytest", *args]
    threading.settrace(call)
    sys.settrace(call)
    runpy.run_module("pytest", run_name="__main__", alter_sys=True)


if sys.argv[1] == "lines":
    with open(sys.argv[4]) as listed:
        lines(sys.argv[2], sys.argv[3], json.load(listed))
else:
    run(sys.argv[2], sys.argv[3], sys.argv[4:])
