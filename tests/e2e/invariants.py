"""What holds of Spool's keys between any two scripts: every task is where its record says, and
everything that is counted is what there is.

A script is done in one piece, so one look at all keys (itself a script) never sees half a step.
"""
import collections
import os
import re
import time

import resp
from records import LETTERS, ROOT, with_names

ENDED = ("succeeded", "failed", "cancelled")
AT_VENDOR = ("submitted", "rendering")
IN_DUE = ("submitting", "in_doubt", "archiving")
HOLDS_SLOT = ("submitting", "in_doubt", *AT_VENDOR)
# Facts that are over with a phase, and where they may be.
FACTS = {
    "doubt": ("in_doubt",),
    "sent": ("submitting", "in_doubt", "archiving", *ENDED),
    "hint": (*IN_DUE, *AT_VENDOR, *ENDED),
    "arch": ("archiving",),
    "await": ("queued",),
    "sub": AT_VENDOR,
    "missing": AT_VENDOR,
    "watch": ENDED,
}
OF_A_TASK = ("t", "b", "r", "d", "once")  # kept as long as each other

FIELDS = (
    "phase", "v", "n", "owner", "lane", "account", "cost", "await", "watch", "hook", "code", "sub",
    "upstream", "cancel", "sent", "doubt", "arch", "missing", "hint", "slot",
)  # fmt: skip

# Everything with its type and the time it has left. Of records only what is compared, of what may be long
# only that it is there.
LOOK = """#!lua flags=no-writes,allow-oom
local call, found = redis.call, {}
local FIELDS = {}
local function read(name, kind)
    if name:sub(1, 10) == '{spool}:t:' and kind == 'hash' then
        local values, pairs_ = call('HMGET', name, unpack(FIELDS)), {}
        for i, field in ipairs(FIELDS) do
            if values[i] then pairs_[#pairs_ + 1] = field; pairs_[#pairs_ + 1] = values[i] end
        end
        return pairs_
    end
    if kind == 'hash' then return call('HGETALL', name) end
    if kind == 'zset' then return call('ZRANGE', name, 0, -1, 'WITHSCORES') end
    if kind == 'set' then return call('SMEMBERS', name) end
    if kind == 'stream' then
        local events = {}
        for _, event in ipairs(call('XRANGE', name, '-', '+')) do events[#events + 1] = event[2][2] end
        return events
    end
    return {}
end
for _, name in ipairs(call('KEYS', '{spool}:*')) do
    local kind = call('TYPE', name).ok
    found[#found + 1] = {name, kind, call('PTTL', name), read(name, kind)}
end
return found
""".replace("FIELDS = {}", "FIELDS = {" + ", ".join(f"'{LETTERS[name]}'" for name in FIELDS) + "}")


def known_types():
    """(pattern, type) of each key that the list in lib/base.lua names."""
    with open(os.path.join(ROOT, "core/store/lua/lib/base.lua"), encoding="utf-8") as file:
        text = re.search(r"-- Keys.*?\n(.*?)-- Channels", file.read(), re.S).group(1)
    name = r"\w+(?::<[^>]+>(?:[ :]<[^>]+>)*)?"
    found = []
    for names, kind in re.findall(rf"(?<=  |; )({name}(?:, {name})*) +(hash|string|list|zset|set|stream)\b", text):
        for one in names.split(", "):
            pattern = ".+".join(re.escape(part) for part in re.split(r"<[^>]+>", one))
            found.append((re.compile(re.escape("{spool}:") + pattern), kind))
    return found


TYPES = known_types()


def pairs(flat):
    return dict(zip(flat[::2], flat[1::2]))


class Keys:
    """All keys at one moment, as Python has them."""

    def __init__(self, found):
        self.types, self.left_ms, self.values = {}, {}, {}
        for name, kind, left_ms, value in found:
            self.types[name] = kind
            self.left_ms[name] = left_ms
            self.values[name] = pairs(value) if kind in ("hash", "zset") else value
        self.tasks = {task: with_names(fields) for task, fields in self.all_of("t").items()}

    def all_of(self, kind):
        """name -> value of {spool}:<kind>:<name>"""
        start = f"{{spool}}:{kind}:"
        return {name[len(start) :]: value for name, value in self.values.items() if name.startswith(start)}

    def one(self, name):
        return self.values.get("{spool}:" + name, {})


def is_pending(deliveries):
    """Whether there is a delivery to make."""
    last, head = int(deliveries.get("n", 0)), int(deliveries.get("head", 1))
    return "gone" not in deliveries and (head <= last or "redo" in deliveries)


def wrong_types(keys):
    for name, kind in keys.types.items():
        wanted = [known for pattern, known in TYPES if pattern.fullmatch(name)]
        if kind not in wanted:
            yield f"{name} is a {kind}, and lib/base.lua's list says {wanted or 'nothing'} of it"


def wrong_slots(keys):
    should = collections.defaultdict(dict)
    for task, r in keys.tasks.items():
        holds = r["phase"] in HOLDS_SLOT or (r["phase"] in ENDED and "watch" in r)
        if holds and "account" in r and int(r.get("cost", 1)) > 0:
            should[r["account"]][task] = int(r.get("cost", 1))
    slots = keys.all_of("slots")
    held_at = collections.defaultdict(dict)
    for task, r in keys.tasks.items():
        if "slot" in r:
            held_at[r.get("account")][task] = int(r["slot"].split(" ")[0])
    for account in should.keys() | slots.keys() | held_at.keys():
        sums = slots.get(account, {})
        total, doubts, held = int(sums.get("#", 0)), int(sums.get("?", 0)), held_at[account]
        if held != should[account]:
            yield f"slots:{account} are held by {held}, and should be by {should[account]}"
        if total != sum(held.values()):
            yield f"slots:{account} says {total} in all of {held}"
        of_doubts = [c for t, c in held.items() if keys.tasks.get(t, {}).get("code") == "submit_outcome_unknown"]
        if doubts != sum(of_doubts):
            yield f"slots:{account} says {doubts} of failed doubts, and they are {of_doubts}"


def wrong_queue(keys):
    places = collections.defaultdict(list)
    lanes = keys.all_of("lane")
    for lane, members in lanes.items():
        for task in members:
            places[task].append(f"lane:{lane}")
    for task in keys.one("due"):
        if keys.tasks.get(task, {}).get("phase") == "queued":
            places[task].append("due")
    for parent, members in keys.all_of("await").items():
        for task in members:
            places[task].append(f"await:{parent}")
        if keys.tasks.get(parent, {"phase": "failed"})["phase"] in ENDED:
            yield f"{members} await {parent}, which has ended or is gone"
    waiting = collections.Counter()
    for task, r in keys.tasks.items():
        found = places.pop(task, [])
        if r["phase"] != "queued":
            if found:
                yield f"{task} is {r['phase']}, and queued in {found}"
            continue
        waiting.update(("*", r["owner"]))
        wanted = [f"await:{r['await']}"] if "await" in r else [f"lane:{r['lane']}", "due"]
        if len(found) != 1 or found[0] not in wanted:
            yield f"{task} is queued in {found}, and should be in one of {wanted}"
    for task, found in places.items():
        yield f"{task} is gone, and queued in {found}"
    if set(keys.one("lanes")) != set(lanes):
        yield f"lanes is {sorted(keys.one('lanes'))}, and those that aren't empty are {sorted(lanes)}"
    for lane in keys.all_of("vt").keys() - lanes.keys():
        yield f"vt:{lane} is there, and its lane is empty"
    counted = {owner: int(count) for owner, count in keys.one("waiting").items() if int(count) != 0}
    if counted != waiting:
        yield f"waiting is {counted}, and should be {dict(waiting)}"


def wrong_facts(keys):
    for task, r in keys.tasks.items():
        for fact, phases in FACTS.items():
            if fact in r and r["phase"] not in phases:
                yield f"{task} is {r['phase']}, and has {fact}={r[fact]}"
        if ("doubt" in r) != (r["phase"] == "in_doubt") or ("arch" in r) != (r["phase"] == "archiving"):
            yield f"{task} is {r['phase']}, doubt={r.get('doubt')} arch={r.get('arch')}"


def wrong_times(keys):
    due = keys.one("due")
    for task, r in keys.tasks.items():
        if (r["phase"] in IN_DUE or (r["phase"] in ENDED and "watch" in r)) and task not in due:
            yield f"{task} is {r['phase']}, watch={r.get('watch')}, and isn't in due"
        if r["phase"] in AT_VENDOR and task not in keys.one(f"look:{r['account']}"):
            yield f"{task} is {r['phase']}, and isn't in look:{r['account']}"
    for task in due:
        r = keys.tasks.get(task, {"phase": "gone"})
        if r["phase"] not in (*IN_DUE, "queued") and not (r["phase"] in ENDED and "watch" in r):
            yield f"{task} is {r['phase']}, and in due"
    for account, members in keys.all_of("look").items():
        for task in members:
            r = keys.tasks.get(task, {"phase": "gone"})
            if r["phase"] not in AT_VENDOR or r["account"] != account:
                yield f"{task} is {r['phase']} at {r.get('account')}, and in look:{account}"


def wrong_deliveries(keys):
    hooks = keys.one("hooks")
    for task, d in keys.all_of("d").items():
        last, head, redo = int(d.get("n", 0)), int(d.get("head", 1)), int(d.get("redo", 0))
        if not 1 <= head <= last + 1 or not 0 <= redo < head:
            yield f"d:{task}: n={last} head={head} redo={redo}"
        redos = [int(n) for n in d.get("redos", "").split()]
        if redos and (not redo or redo in redos or len({*redos}) < len(redos)):
            yield f"d:{task}: redo={redo} redos={redos}"
        for n in {*range(head, last + 1), *([redo] if redo else []), *redos}:
            if str(n) not in d:
                yield f"d:{task}: {n} isn't there"
        if is_pending(d) != (task in hooks):
            yield f"d:{task}: pending is {is_pending(d)}, in hooks is {task in hooks}"
        if "lease" in d and task not in hooks:
            yield f"d:{task} has a lease, and isn't in hooks"
    for task in hooks.keys() - keys.all_of("d").keys():
        yield f"{task} is in hooks, and has no deliveries"
    yield from wrong_receivers(keys)


def wrong_receivers(keys):
    """Each lane of deliveries is in one of the two rows of its key, and the key in the row of keys."""
    placed = collections.defaultdict(list)
    for kind in ("quick", "slow"):
        rows = keys.all_of(kind)
        if set(keys.one(kind)) != set(rows):
            yield f"{kind} is {sorted(keys.one(kind))}, and those with a lane are {sorted(rows)}"
        for owner, receivers in rows.items():
            for receiver in receivers:
                placed[f"{owner} {receiver}"].append(kind)
    lanes = keys.all_of("hooks")
    for lane in placed.keys() | lanes.keys():
        if len(placed[lane]) != 1 or lane not in lanes:
            yield f"hooks:{lane} has {len(lanes.get(lane, []))}, and is in {placed[lane]}"
        for task in lanes.get(lane, {}).keys() - keys.one("hooks").keys():
            yield f"{task} is in hooks:{lane}, and not in hooks"


def wrong_versions(keys):
    def too_new(task, v):
        return task in keys.tasks and int(v) > int(keys.tasks[task].get("v", 1))

    for event in keys.one("events"):
        task, v = event.split(" ")[:2]
        if too_new(task, v):
            yield f"an event says {v} of {task}, which is at {keys.tasks[task].get('v', 1)}"
    for task, d in keys.all_of("d").items():
        for n, view in d.items():
            if n.isdigit() and too_new(task, view.split(" ")[0]):
                yield f"d:{task}: {n} says {view}, and the task is at {keys.tasks[task].get('v', 1)}"


def wrong_retention(keys):
    """Its keys go when the task does: after its end, its watch and its last delivery."""
    for kind in OF_A_TASK:
        for task in keys.all_of(kind):
            r = keys.tasks.get(task)
            if r is None:
                yield f"{kind}:{task} is there, and the task isn't"
                continue
            is_over = r["phase"] in ENDED and "watch" not in r and task not in keys.one("hooks")
            if is_over != (keys.left_ms[f"{{spool}}:{kind}:{task}"] >= 0):
                yield f"{kind}:{task}: over is {is_over}, ms left {keys.left_ms[f'{{spool}}:{kind}:{task}']}"


CHECKS = (
    wrong_types, wrong_slots, wrong_queue, wrong_facts, wrong_times, wrong_deliveries, wrong_versions, wrong_retention,
)  # fmt: skip


def look(redis):
    """All that is wrong by now, a line each. `redis` is a Resp."""
    keys = Keys(redis.call("EVAL", LOOK, 0))
    return [text for check in CHECKS for text in check(keys)]


def check(redis, patience_s=0):
    """AssertionError where something is wrong, and stays so."""
    end = time.monotonic() + patience_s
    while True:
        wrong = look(redis)
        if not wrong:
            return
        if time.monotonic() >= end:
            raise AssertionError("keys that don't fit together:\n" + "\n".join(wrong))
        time.sleep(0.1)


def check_at(path):
    """The same of the server at a socket, where one answers."""
    try:
        with resp.Resp(path, 5) as redis:
            check(redis, 2)
    except (OSError, resp.Error):
        pass
