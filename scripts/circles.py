#!/usr/bin/env python3
"""circles.py FOLDER...: circles of calls among the files of a folder, from what build/dev has compiled.

Files that share a *_private.h are one module in parts, and count as one. Data isn't a call: a table
of functions may list them all."""
import collections
import pathlib
import re
import subprocess
import sys

BUILD = pathlib.Path("build/dev")


def objects_of(folder):
    """The folder's objects, with the module that each belongs to."""
    modules = {}
    for path in (BUILD / folder.parts[0]).glob("CMakeFiles/*.dir/**/*.c.o"):
        source = pathlib.Path(folder.parts[0], *path.relative_to(BUILD / folder.parts[0]).parts[2:]).with_suffix("")
        if source.parent == folder and source.exists():
            shared = re.search(r'#include "(\S*_private\.h)"', source.read_text())
            modules[str(path)] = pathlib.Path(shared.group(1) if shared else source).name
    return modules


def calls_among(modules):
    """For each module, those whose functions it uses."""
    defined, used = {}, []
    for line in subprocess.check_output(["nm", "-A", *modules], text=True).splitlines():
        path, _, rest = line.rpartition(":")
        kind, name = rest.split()[-2:]
        if kind == "T":
            defined[name] = modules[path]
        elif kind == "U":
            used.append((modules[path], name))
    calls = collections.defaultdict(set)
    for module, name in used:
        if defined.get(name, module) != module:
            calls[module].add(defined[name])
    return calls


def reached_from(start, calls):
    seen, todo = set(), [start]
    while todo:
        fresh = calls.get(todo.pop(), set()) - seen
        seen |= fresh
        todo += fresh
    return seen


def circles(calls):
    reached = {module: reached_from(module, calls) for module in calls}
    return {frozenset(b for b in reached[a] if a in reached.get(b, ())) for a in reached if a in reached[a]}


def main():
    found = [f"{folder}: {' '.join(sorted(circle))}" for folder in map(pathlib.Path, sys.argv[1:])
             for modules in [objects_of(folder)] if modules for circle in circles(calls_among(modules))]
    print("\n".join(sorted(found)), end="\n" if found else "")


if __name__ == "__main__":
    main()
