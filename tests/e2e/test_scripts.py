#!/usr/bin/env python3
"""The Lua scripts alone, on a real Redis: what each makes of each phase, and that it can be sent again."""
import glob
import json
import os
import re
import time
import unittest
import unittest.mock

import invariants
import replay
import resp
from records import LETTERS, unpacked, with_letters, with_names
from harness import ROOT, Redis, main, script_text

ANY = unittest.mock.ANY
# Those that answer to all items together; the others answer to each.
OF_ALL = ("beat", "claim", "clock", "due", "overview", "post", "undelivered", "state", "sweep")
LUA = os.path.join(ROOT, "core/store/lua")
RETENTION_MS = 3600000
PHASES = ("queued", "submitting", "in_doubt", "submitted", "rendering", "archiving", "succeeded", "failed", "cancelled")
ENDED, AT_VENDOR = invariants.ENDED, invariants.AT_VENDOR

# Who has a task takes it there, as the picture in core/task/task.h says; and from each phase that isn't an
# end to each end. The step to submitting is a claim. A phase that leads to itself: something else changed.
STEPS = {
    "queued": (),
    "submitting": ("queued", "in_doubt", "submitted", "archiving"),  # the last: answers with the result
    "in_doubt": ("in_doubt", "queued", "submitted"),
    "submitted": ("submitted", "rendering", "archiving"),
    "rendering": ("rendering", "archiving"),
    "archiving": ("archiving",),
    "succeeded": (),
    "failed": (),
    "cancelled": (),
}

# What a task may be beside its phase. `way` is where it waits while it is queued.
KINDS = {
    "plain": {},
    "hook": {"hook": 1},
    "cancel asked": {"cancel": 1},
    "cancel asked, hook": {"cancel": 1, "hook": 1},
    "no slot": {"cost": 0},
    "four slots": {"cost": 4},
    "follow-up": {"lane": "@mj-1"},
    "question": {"lane": "?midjourney/", "ask": 1, "cost": 0},
    "question of a follow-up": {"lane": "?@mj-1", "ask": 1, "cost": 0},
    "sent": {"sent": "@-500"},
    "sent, cancel asked": {"sent": "@-500", "cancel": 1},
    "waits for a reason": {"wait": "vendor_refused @-500 busy"},
    "retry": {"way": "due"},
    "awaits": {"way": "await", "lane": "?@mj-1", "cost": 0},
    "awaits, hook": {"way": "await", "lane": "?@mj-1", "cost": 0, "hook": 1},
    "waits for its client": {"sub": "MODAL"},
    "named by a callback": {"hint": "U1"},
    "watched": {"way": "watch"},
    "watched, hook": {"way": "watch", "hook": 1},
    "watched for a doubt": {"way": "watch", "code": "submit_outcome_unknown"},
}

# All there is, in whole.
DUMP = """#!lua flags=no-writes,allow-oom
local call, found = redis.call, {}
for _, name in ipairs(call('KEYS', '{spool}:*')) do
    local kind, value = call('TYPE', name).ok
    if kind == 'hash' then value = call('HGETALL', name)
    elseif kind == 'zset' then value = call('ZRANGE', name, 0, -1, 'WITHSCORES')
    elseif kind == 'set' then value = call('SMEMBERS', name)
    elseif kind == 'list' then value = call('LRANGE', name, 0, -1)
    elseif kind == 'stream' then
        value = {}
        for _, event in ipairs(call('XRANGE', name, '-', '+')) do value[#value + 1] = event[2][2] end
    else value = call('GET', name) end
    found[#found + 1] = {name, kind, call('PTTL', name), value}
end
return found
"""


def script_texts():
    names = [os.path.basename(path)[:-4] for path in glob.glob(os.path.join(LUA, "*.lua"))]
    return {name: script_text(name) for name in names}


def relative(text, now):
    """Its times as they are from `now` on, to a quarter of a second: "@-500"."""

    def one(found):
        return f"@{round((float(found.group()) - now) / 250) * 250}"

    return re.sub(r"\b\d{13}(?:\.\d+)?\b", one, str(text))


def absolute(text, now):
    return re.sub(r"@(-?\d+)\b", lambda found: str(now + int(found.group(1))), str(text))


class Bench(unittest.TestCase):
    """A Redis with the scripts, emptied before each case."""

    @classmethod
    def setUpClass(cls):
        cls.redis = cls.enterClassContext(Redis(options=["--appendonly", "no"]))
        cls.redis.checks_keys = False  # each case looks for itself, and the last one may be a wrong one
        cls.wire = cls.enterClassContext(resp.Resp(cls.redis.socket))
        cls.hashes = {name: cls.wire.call("SCRIPT", "LOAD", text) for name, text in script_texts().items()}

    def setUp(self):
        self.clear()

    def clear(self):
        self.wire.call("FLUSHALL")
        self.now = self.time()
        self.known = set()

    def time(self):
        seconds, micros = self.wire.call("TIME")
        return int(seconds) * 1000 + int(micros) // 1000

    def do(self, *words):
        return self.wire.call(*(absolute(word, self.now) for word in with_letters(words)))

    def run_script(self, script, *items, by="w1", again=0, limits=(0, 0)):
        """One call over the items, each a list of arguments. Of one item its own answer, where it has one."""
        constants = f"{RETENTION_MS} {limits[0]} {limits[1]} {again} 0"
        words = [by, constants]
        for item in items:
            words += [len(item), *(absolute(word, self.now) for word in item)]
        answer = self.wire.call("EVALSHA", self.hashes[script], 1, "{spool}", *words)
        self.told_ends = self.take_ends(script, answer, len(items))
        return answer[0] if len(items) == 1 and script not in OF_ALL else answer

    def take_ends(self, script, answer, count):
        """(provider, phase, code) of each task that the call says it has ended; the answer is without them then."""
        if script in OF_ALL and script not in ("due", "sweep"):
            return []
        parts, most = {"due": (answer[0], 1), "sweep": (answer, 4)}.get(script, (answer, count))
        if not isinstance(parts, list) or len(parts) <= most:
            return []
        words = parts.pop()
        return sorted(zip(words[::3], words[1::3], words[2::3]))

    def ended(self, changed):
        """The same, of those that have by what has changed."""
        found = []
        for name, fields in changed.items():
            if name.startswith("t:") and fields is not None and fields.get("phase") in ENDED:
                found.append(("midjourney", fields["phase"], fields.get("code") or ""))
        return sorted(found)

    # Keys.

    def dump(self):
        """name -> what there is, its times from `now` on; lists and streams as lists."""
        found = {}
        for name, kind, left_ms, value in self.wire.call("EVAL", DUMP, 0):
            if isinstance(value, list):
                value = [relative(word, self.now) for word in value]
            else:
                value = relative(value, self.now)
            if kind in ("hash", "zset"):
                value = invariants.pairs(value)
            elif kind == "set":
                value = dict.fromkeys(value, "")
            elif kind == "string":
                value = {"": value}
            if left_ms >= 0:
                minutes = str(round(left_ms / 60000))
                value = {**value, "ttl": minutes} if isinstance(value, dict) else value
            found[name[len("{spool}:") :]] = value
        return self.apart(found)

    def apart(self, found):
        """What is noted in records, as if it were in keys of its own: timelines, and who holds which slots."""
        found.pop("sweep", None)  # how far it has come
        found.pop("asked", None)  # when that was
        for name in [name for name in found if name.startswith("t:")]:
            r = found[name] = with_names(found[name])
            if "log" in r:
                found["l:" + name[2:]] = r.pop("log").rstrip("\n").split("\n")
            if "slot" in r:
                slots = found.setdefault("slots:" + r["account"], {})
                found["slots:" + r["account"]] = {**slots, name[2:]: r.pop("slot").split(" ")[0]}
        return found

    def check(self):
        wrong = invariants.look(self.wire)
        self.assertEqual(wrong, [])

    def task(self, id_, phase, kind="plain", **more):
        """Its record and all that belongs to it; how it comes to be so is the scripts' to say."""
        o = {"lane": "midjourney/", "owner": "dev", "cost": 1, "account": "mj-1", "way": "lane", **KINDS[kind], **more}
        is_follow_up = "@" in o["lane"]
        v = PHASES.index(phase) + 1 if phase not in ENDED else 7
        n = 0 if phase == "queued" else 2 if phase == "in_doubt" else 1
        r = {"phase": phase, "owner": o["owner"], "lane": o["lane"], "cold": "midjourney"}
        r.update(v=v, n=n, by="w9")
        r.update({name: o[name] for name in ("hook", "cancel", "ask", "wait", "hint") if name in o and phase not in ENDED})
        if o["cost"] != 1:
            r["cost"] = o["cost"]
        if phase != "queued" or (is_follow_up and o["way"] != "await"):
            r["account"] = o["account"]
        holds = False
        if phase == "queued" and o["way"] == "lane":
            self.do("ZADD", f"{{spool}}:lane:{o['lane']}", 1, id_)
            self.do("HSET", f"{{spool}}:vt:{o['lane']}", f"o:{o['owner']}", 1)
            self.do("SADD", "{spool}:lanes", o["lane"])
        elif phase == "queued" and o["way"] == "due":
            self.do("ZADD", "{spool}:due", "@5000", id_)
        elif phase == "queued":
            r["await"] = f"{id_}-parent"
            self.do("SADD", f"{{spool}}:await:{id_}-parent", id_)
            self.task(f"{id_}-parent", "rendering")
        elif phase in AT_VENDOR:
            r.update(upstream="U1", started="@-2000", at="@-2000", **({"sub": o["sub"]} if "sub" in o else {}))
            self.do("ZADD", f"{{spool}}:look:{o['account']}", "@500", id_)
            holds = True
        elif phase in ENDED:
            r.update(finished="@-1000", at="@-1000", upstream="U1")
            if "hook" in o:
                r["hook"] = 1
            if o["way"] == "watch":
                r.update(watch="@60000", **({"code": o["code"]} if "code" in o else {}))
                self.do("ZADD", "{spool}:due", "@1000", id_)
                holds = True
        else:
            self.do("ZADD", "{spool}:due", "@30000", id_)
            holds = phase != "archiving"
            if phase == "in_doubt":
                r.update(doubt="@-1000", doubts=1, sent="@-1500")
            elif phase == "archiving":
                r.update(arch="@-1000", upstream="U1", started="@-2000")
            elif "sent" in o:
                r["sent"] = o["sent"]
        if phase == "queued":
            for name in ("*", o["owner"]):
                self.do("HINCRBY", "{spool}:waiting", name, 1)
        if holds and int(o["cost"]) > 0:
            r["slot"] = o["cost"]
            self.do("HINCRBY", f"{{spool}}:slots:{o['account']}", "#", o["cost"])
            if "code" in r:
                self.do("HINCRBY", f"{{spool}}:slots:{o['account']}", "?", o["cost"])
        self.do("HSET", f"{{spool}}:t:{id_}", *(word for pair in r.items() for word in pair))
        if "hook" in o:
            self.do("HSET", f"{{spool}}:d:{id_}", "url", "https://example.com/hook")
        if phase in ENDED and o["way"] != "watch":
            for name in invariants.OF_A_TASK:
                self.do("PEXPIRE", f"{{spool}}:{name}:{id_}", RETENTION_MS)
        return r

    # Cases.

    def changes(self, before, after):
        """name -> what is new in it: fields (None: gone), or what was appended; None: the key is gone."""
        found = {}
        for name in before.keys() | after.keys():
            old, new = before.get(name), after.get(name)
            if old == new:
                continue
            if new is None:
                found[name] = None
            elif isinstance(new, list):
                self.assertEqual(new[: len(old or [])], old or [], name)
                found[name] = new[len(old or []) :]
            else:
                old = old or {}
                found[name] = {f: new.get(f) for f in old.keys() | new.keys() if old.get(f) != new.get(f)}
        return found

    def twice(self, script, item, second=None, **options):
        """Runs it, and once more as after a lost reply: nothing changes any more, and the answer is the
        same, or `second`. What was answered, and what changed. Who has heard no answer is told again what
        has ended."""
        self.check()
        before = self.dump()
        answer = self.run_script(script, item, **options)
        ends = self.told_ends
        self.check()
        after = self.dump()
        changed = self.changes(before, after)
        if script != "forget":
            self.assertEqual(ends, self.ended(changed), f"{script} {item}: what it says has ended")
        again = self.run_script(script, item, **{**options, "again": 1})
        self.check()
        self.assertEqual(self.changes(after, self.dump()), {}, f"{script} {item}: again it changes something")
        self.assertEqual(again, answer if second is None else second, f"{script} {item}: again")
        if script in ("change", "cancel", "begin"):
            self.assertEqual(len(self.told_ends), min(len(ends), 1), f"{script} {item}: whether it has ended, again")
        return answer, changed

def each(test):
    """Runs a test with (phase, kind, record) of each task there can be, alone in Redis."""

    def run(self):
        for phase in PHASES:
            for kind, o in KINDS.items():
                way = o.get("way", "lane")
                if (way in ("due", "await") and phase != "queued") or (way == "watch" and phase not in ENDED):
                    continue
                if ("sub" in o and phase not in AT_VENDOR) or ("sent" in o and phase != "submitting"):
                    continue
                if "hint" in o and phase not in ("submitting", "in_doubt"):
                    continue
                self.clear()
                with self.subTest(phase=phase, kind=kind):
                    test(self, phase, kind, self.task("A", phase, kind))

    run.__doc__ = test.__doc__
    return run


def change(r, to, flags="N", delay=0, watch="", look=1000, wait=("", ""), result="", **fields):
    """The item of change.lua, of a record as it was read."""
    more = [word for name, value in fields.items() for word in (LETTERS[name], value)]
    return ["A", r["v"], r["n"], to, flags, delay, 0, watch, f"to_{to}", "detail", look, *wait, result, *more]


class Picture(Bench):
    def test_table(self):
        """The table above says what the picture does, of its phases and no others."""
        with open(os.path.join(ROOT, "core/task/task.h"), encoding="utf-8") as file:
            text = file.read()
        picture = re.search(r"// The only words for phases.*?\n//\n(.*?)#define TASK_PHASES", text, re.S).group(1)
        self.assertEqual(tuple(re.findall(r'X\(TASK_\w+, "(\w+)"\)', text)), PHASES)
        self.assertEqual(tuple(STEPS), PHASES)
        lines = picture.split("\n")
        way = re.findall(r"\w+", lines[0])
        self.assertEqual(way, ["queued", "submitting", "submitted", "rendering", "archiving", "succeeded"])
        for first, second in zip(way[1:-2], way[2:]):
            self.assertIn(second, STEPS[first])
        ways = ("nothing accepted", "any of them ─▶ failed | cancelled", "found", "or retry ─── in_doubt")
        for words in ways:
            self.assertIn(words, picture)
        # Whatever leaves a phase goes on, or one of the two ways back.
        back = {(a, b) for a in STEPS for b in STEPS[a] if PHASES.index(b) < PHASES.index(a)}
        self.assertEqual(back, {("submitting", "queued"), ("in_doubt", "queued")})
        self.assertEqual({a for a in STEPS if not STEPS[a]}, {"queued", *ENDED})

    @each
    def test_change(self, phase, kind, r):
        """Each phase to each phase, of each kind of task."""
        for to in PHASES:
            for watch in ("", "60000", "doubt 60000 10"):
                if watch and not (to in ENDED and phase in ("in_doubt" if watch[0] == "d" else AT_VENDOR)):
                    continue
                self.clear()
                r = self.task("A", phase, kind)
                with self.subTest(to=to, watch=watch):
                    self.one_change(phase, to, r, watch)

    def one_change(self, phase, to, r, watch):
        is_ours = to in STEPS[phase] or (to in ENDED and phase not in ENDED)
        cancel = r.get("cancel", 0)
        fields = {"upstream": "U1"} if to == "submitted" else {"code": "x", "error": "y"} if to == "failed" else {}
        if watch.startswith("doubt"):
            fields["code"] = "submit_outcome_unknown"
        item = change(r, to, "NT" if to == "queued" else "N", -1 if to == "queued" else 0, watch, **fields)
        for wrong in ([*item[:1], r["v"] + 1, *item[2:]], [*item[:2], r["n"] + 1, *item[3:]]):
            answer, changed = self.twice("change", wrong)
            # The id of a submit whose lease has ended comes late, and is one version behind.
            self.assertEqual((answer, changed), (["stale", r["v"], cancel], {}))
        if not is_ours:
            self.assertEqual(self.twice("change", item), (["stale", r["v"], cancel], {}))
            return
        answer, changed = self.twice("change", item, ["again", r["v"] + 1, cancel])
        ends_as = "cancelled" if to == "queued" and cancel else to
        self.assertEqual(answer, ["done", r["v"] + 1, cancel])
        t = changed["t:A"]
        self.assertEqual((t["v"], t["by"], t.get("phase", phase)), (str(r["v"] + 1), "w1", ends_as))
        self.assertEqual(len(changed["events"]), 1)
        self.assertEqual([line.split(" ")[1] for line in changed["l:A"] if line[0] == "@"][0], f"to_{to}")
        if r.get("hook"):
            self.assertEqual((changed["d:A"]["n"], changed["d:A"]["1"].split(" ")[1]), ("1", ends_as))
        if ends_as in ENDED:
            self.assertEqual("watch" in t, bool(watch) and (watch[0] != "d" or r.get("cost", 1) in (1, 4)))
            self.assertEqual(t.get("ttl"), None if r.get("hook") or "watch" in t else "60")
        elif to == "queued":
            self.assertEqual(changed["due"]["A"], "@1000")
            self.assertEqual(t["tries"], "1")

    def test_late_id(self):
        """Its lease ended and another process saw it; the id is what the doubt is about."""
        for kind in ("plain", "hook", "cancel asked", "four slots", "follow-up", "sent"):
            with self.subTest(kind=kind):
                self.clear()
                r = self.task("A", "in_doubt", kind)
                item = change({"v": r["v"] - 1, "n": 1}, "submitted", upstream="U1")
                answer, changed = self.twice("change", item, ["again", r["v"] + 1, r.get("cancel", 0)])
                self.assertEqual(answer, ["done", r["v"] + 1, r.get("cancel", 0)])
                self.assertEqual(changed["look:mj-1"], {"A": "@1000"})
                self.assertEqual(changed["due"], None)
                # Another id isn't that one, nor is it somebody else's.
                other = change({"v": r["v"] - 1, "n": 1}, "submitted", upstream="U2")
                for wrong, by in ((other, "w1"), (item, "w2")):
                    self.assertEqual(self.twice("change", wrong, by=by)[0][0], "stale")
                # And of no other version or step.
                self.clear()
                r = self.task("A", "in_doubt", kind)
                for v, to in ((r["v"] - 2, "submitted"), (r["v"] - 1, "queued"), (r["v"] - 1, "archiving")):
                    answer, changed = self.twice("change", change({"v": v, "n": 1}, to))
                    self.assertEqual((answer[0], changed), ("stale", {}))

    @each
    def test_cancel(self, phase, kind, r):
        for vendor_can in ("0", "1"):
            self.clear()
            r = self.task("A", phase, kind)
            with self.subTest(vendor_can=vendor_can):
                answer, changed = self.twice("cancel", ["A", "dev", vendor_can, 60000])
                wanted = (
                    "ended" if phase in ENDED else "before_submit" if phase == "queued"
                    else "requested" if vendor_can == "1" or phase in ("submitting", "in_doubt")
                    else "not_supported_may_be_billed"
                )  # fmt: skip
                self.assertEqual(answer, [wanted])
                if wanted == "ended":
                    self.assertEqual(changed, {})
                elif wanted == "requested":
                    self.assertEqual(changed.get("t:A", {}), {} if r.get("cancel") else {"cancel": "1"})
                    self.assertEqual("look:mj-1" in changed, phase in AT_VENDOR)
                else:
                    self.assertEqual((changed["t:A"]["phase"], changed["t:A"]["v"]), ("cancelled", str(r["v"] + 1)))
                    self.assertEqual("watch" in changed["t:A"], phase in AT_VENDOR)
                    self.assertEqual("d:A" in changed, bool(r.get("hook")))

    @each
    def test_forget(self, phase, kind, r):
        """It is gone at once, or hidden until its vendor's job, or its submit, is over."""
        for vendor_can in ("0", "1"):
            self.clear()
            r = self.task("A", phase, kind)
            self.do("RPUSH", "{spool}:own:dev", "B", "A")
            if phase in ENDED and kind == "hook":
                view = f"{r['v']} {phase} 100 0 @-1000"
                self.do("HSET", "{spool}:d:A", "n", 1, "head", 2, "1", view, "1r", "exhausted 4 @-100 500 9 no")
                self.do("ZADD", "{spool}:exhausted", "@-100", "A")
            with self.subTest(vendor_can=vendor_can):
                self.assertEqual(self.run_script("forget", ["A", "other", vendor_can, 60000]), ["missing"])
                item = ["A", "dev", vendor_can, 60000]
                result = self.do("GET", "{spool}:r:A") or ""
                self.assertEqual(self.run_script("forget", item), ["done", result])
                has_ended = phase not in ENDED and self.do("HGET", "{spool}:t:A", "phase") in (None, "cancelled")
                self.assertEqual(self.told_ends, [("midjourney", "cancelled", "")] if has_ended else [])
                self.check()
                before = self.dump()
                self.assertEqual((self.run_script("forget", item, again=1), self.dump()), (["done", ""], before))
                self.assertEqual(self.run_script("forget", ["A", "dev", vendor_can, 60000]), ["missing"])
                self.assertEqual(self.run_script("read", ["A", ""]), None)
                now = self.dump()
                self.assertEqual(now["own:dev"], ["B"])
                self.assertNotIn("A", {**now.get("hooks", {}), **now.get("exhausted", {}), "d:A": 0})
                self.assertNotIn("d:A", now)
                stays = "watch" in r or phase in AT_VENDOR or phase in ("submitting", "in_doubt") or (
                    phase == "archiving" and vendor_can == "1")  # fmt: skip
                self.assertEqual("t:A" in now, stays)
                if not stays:
                    self.assertEqual([name for name in now if name.endswith(":A")], [])

    def test_what_becomes_of_a_forgotten_task(self):
        """Nothing is kept of it, however its vendor's job ends, and nobody is told."""
        for phase, to in (("submitting", "archiving"), ("submitting", "queued"), ("in_doubt", "queued"),
                          ("rendering", "archiving"), ("rendering", "failed"), ("archiving", "succeeded"),
                          ("submitted", "cancelled")):  # fmt: skip
            with self.subTest(phase=phase, to=to):
                self.clear()
                r = self.task("A", phase, "hook")
                self.run_script("forget", ["A", "", "1", 60000])
                n = self.run_script("change", change(r, to, result='{"a":1}', upstream="U1"))
                self.assertEqual(n[0], "missing" if to in ("archiving", "succeeded") else "done")
                self.check()
                now = self.dump()
                self.assertEqual([name for name in now if name.endswith(":A")], [])
                self.assertNotIn("hooks", now)
        # A watch keeps the slot, and then lets go of both.
        self.clear()
        r = self.task("A", "rendering", "hook")
        self.run_script("forget", ["A", "", "0", 60000])
        self.assertEqual(self.dump()["slots:mj-1"]["A"], "1")
        self.run_script("hold", ["A", r["n"], -1, "", ""])
        self.check()
        self.assertEqual([name for name in self.dump() if name.endswith(":A")], [])
        self.assertEqual(self.dump()["slots:mj-1"], {"#": "0"})

    def test_back_to_the_queue(self):
        """In front of the others and at once, or later; its account is free, unless it is a follow-up."""
        for kind, lane in (("plain", "midjourney/"), ("follow-up", "@mj-1"), ("question of a follow-up", "?@mj-1")):
            for phase in ("submitting", "in_doubt"):
                with self.subTest(kind=kind, phase=phase):
                    self.clear()
                    r = self.task("A", phase, kind)
                    self.task("B", "queued", lane=lane, cost=r.get("cost", 1))
                    answer, changed = self.twice("change", change(r, "queued"), ["again", r["v"] + 1, 0])
                    self.assertEqual((answer[0], changed[f"lane:{lane}"], changed["due"]), ("done", {"A": "0"}, None))
                    self.assertEqual("account" in changed["t:A"], kind == "plain")
                    self.assertEqual(changed["waiting"], {"*": "2", "dev": "2"})
                    self.assertEqual("slots:mj-1" in changed, r.get("cost", 1) > 0)

    def test_tries(self):
        """Refused submits and links that don't lead anywhere are counted apart; each doubles the wait."""
        for flag, name in (("T", "tries"), ("L", "links")):
            for tries, wait in ((0, "@1000"), (3, "@8000"), (6, "@60000"), (50, "@60000")):
                with self.subTest(flag=flag, tries=tries):
                    self.clear()
                    r = self.task("A", "submitting")
                    self.do("HSET", "{spool}:t:A", name, tries)
                    reason = ("vendor_refused", "it is busy")
                    item = change(r, "queued", f"N{flag}", -1, wait=reason)
                    _, changed = self.twice("change", item, ["again", 3, 0])
                    self.assertEqual((changed["due"], changed["t:A"][name]), ({"A": wait}, str(tries + 1)))
                    self.assertEqual(changed["t:A"]["wait"], "vendor_refused @0 it is busy")

    def test_result(self):
        """It is kept as long as the task."""
        r = self.task("A", "archiving")
        _, changed = self.twice("change", change(r, "succeeded", result='{"a":1}'), ["again", 7, 0])
        self.assertEqual(changed["r:A"], {"": '{"a":1}', "ttl": "60"})
        self.assertEqual((changed["t:A"]["progress"], changed["t:A"]["arch"]), ("100", None))

    def test_how_long_jobs_take(self):
        for phase in AT_VENDOR:
            self.clear()
            r = self.task("A", phase)
            _, changed = self.twice("change", change(r, "archiving"), ["again", r["v"] + 1, 0])
            self.assertEqual(len(changed["took:mj-1"]), 1)
            self.assertTrue(2000 <= int(changed["took:mj-1"][0]) < 2500)

    def test_cancel_of_a_result(self):
        """A submit that is answered with the result has no id there, and may be billed all the same."""
        self.task("A", "submitting", sent="@-500")
        self.run_script("change", change({"v": 2, "n": 1}, "archiving"))
        answer, changed = self.twice("cancel", ["A", "", "0", 60000])
        self.assertEqual(answer, ["not_supported_may_be_billed"])
        self.assertEqual(changed["due"], None)

    def test_cancel_of_a_call(self):
        """It is over at once where it may have left, and its worker is told; its slot is free."""
        r = self.task("A", "submitting")
        self.assertEqual(self.twice("begin", ["A", r["n"], 9000, "", "1"])[0], "go")
        answer, changed = self.twice("cancel", ["A", "", "0", 60000])
        self.assertEqual(answer, ["not_supported_may_be_billed"])
        self.assertEqual((changed["t:A"]["phase"], changed["due"], changed["slots:mj-1"]), ("cancelled", None, {"#": "0", "A": None}))
        self.assertNotIn("watch", changed["t:A"])
        # Refused, it may go elsewhere next time: then it is none.
        self.clear()
        r = self.task("A", "submitting")
        self.run_script("begin", ["A", r["n"], 9000, "", "1"])
        self.run_script("change", change(r, "queued"))
        self.assertNotIn("call", self.dump()["t:A"])

    @each
    def test_begin(self, phase, kind, r):
        self.assertEqual(self.twice("begin", ["A", r["n"] + 1, 9000, "many:ab", ""]), ("stale", {}))
        answer, changed = self.twice("begin", ["A", r["n"], 9000, "", ""])
        wanted = "stale" if phase != "submitting" else "cancelled" if r.get("cancel") else "go"
        self.assertEqual(answer, wanted)
        if wanted == "stale":
            self.assertEqual(changed, {})
        elif wanted == "go":
            self.assertEqual(changed, {"t:A": {"sent": "@0"}, "due": {"A": "@9000"}})
        else:
            self.assertEqual(changed["t:A"]["phase"], "cancelled")
            self.assertEqual((changed["due"], changed.get("d:A", {}).get("n")), (None, "1" if r.get("hook") else None))

    @each
    def test_hold(self, phase, kind, r):
        """A lease is there where a phase has one; a watch ends once."""
        self.assertEqual(self.twice("hold", ["A", r["n"] + 1, 9000, "", ""]), (0, {}))
        has_lease = phase in ("submitting", "in_doubt", "archiving")
        is_watched = "watch" in r
        answer, changed = self.twice("hold", ["A", r["n"], 9000, "", ""])
        self.assertEqual((answer, changed), (1, {"due": {"A": "@9000"}}) if has_lease or is_watched else (0, {}))
        if has_lease:
            answer, changed = self.twice("hold", ["A", r["n"], 7000, "storage", "it is full"])
            self.assertEqual((answer, changed["t:A"]), (1, {"wait": "storage @0 it is full"}))
        answer, changed = self.twice("hold", ["A", r["n"], -1, "", ""], None if is_watched else int(phase in ENDED))
        self.assertEqual(answer, int(is_watched))
        if is_watched:
            self.assertEqual((changed["t:A"]["watch"], changed["t:A"]["ttl"], changed["due"]), (None, "60", None))
        else:
            self.assertEqual(changed, {})

    @each
    def test_hint(self, phase, kind, r):
        answer, changed = self.twice("hint", ["A", "U7"])
        if phase in AT_VENDOR:
            self.assertEqual((answer, changed), (1, {"t:A": {"called": "@0"}, "look:mj-1": {"A": "@0"}}))
        elif phase == "submitting":
            self.assertEqual((answer, changed), (1, {"t:A": {"hint": "U7"}}))
        elif phase == "in_doubt":
            self.assertEqual((answer, changed), (1, {"t:A": {"hint": "U7"}, "due": {"A": "@0"}}))
        else:
            self.assertEqual((answer, changed), (0, {}))
        self.assertEqual(self.twice("hint", ["A", ""])[0], int(phase in AT_VENDOR))

    @each
    def test_due(self, phase, kind, r):
        """Everything in the due set, its time come."""
        if self.do("ZADD", "{spool}:due", "XX", "CH", "@-10", "A") == 0:
            self.assertEqual(self.twice("due", [1, 10, 30000, 10])[0][1:], [])
            return
        answer, changed = self.twice("due", [1, 10, 30000, 10], ANY)
        given = [one[0] for one in answer[1:]]
        t = changed.get("t:A", {})
        if phase == "queued":
            self.assertEqual((given, changed["due"], changed["lane:midjourney/"]), ([], None, {"A": "0"}))
        elif phase == "submitting" and "sent" in r and not r.get("ask"):
            self.assertEqual((given, t["phase"], t["doubts"], t["n"]), (["doubt"], "in_doubt", "1", str(r["n"] + 1)))
        elif phase == "submitting":
            self.assertEqual((given, t["phase"]), ([], "cancelled" if r.get("cancel") else "queued"))
            words = [line.split(" ")[1] for line in changed["l:A"]]
            self.assertEqual(words, ["requeued", "cancelled"] if r.get("cancel") else ["requeued"])
        else:
            word = {"in_doubt": "doubt", "archiving": "archive"}.get(phase, "watch")
            self.assertEqual((given, t, changed["due"]), ([word], {"n": str(r["n"] + 1)}, {"A": "@30000"}))

    def test_due_again(self):
        """A claim whose answer was lost gets the same again, by its number; the next one gets what is left."""
        for phase, word in (("in_doubt", "doubt"), ("archiving", "archive")):
            self.clear()
            self.task("A", phase)
            self.do("ZADD", "{spool}:due", "@-10", "A")
            first = self.run_script("due", [7, 10, 30000, 10])
            again = self.run_script("due", [7, 10, 30000, 10], again=1)
            self.assertEqual((first[1][0], again[1:], again[0]), (word, first[1:], [0]))
            self.assertEqual(self.run_script("due", [8, 10, 30000, 10])[1:], [])

    def test_due_after_a_silence(self):
        """While nobody asked nobody could renew: what may have left gets one more lease, and no more than one."""
        for id_ in ("A", "B"):
            self.task(id_, "submitting", "sent")
            self.do("ZADD", "{spool}:due", "@-10", id_)
        self.task("C", "archiving")
        self.do("ZADD", "{spool}:due", "@-20", "C")
        self.do("SET", "{spool}:asked", f"{self.now - 8000} 0")
        given = [self.run_script("due", [n, 2, 30000, 10])[1:] for n in (1, 2)]
        self.assertEqual([[one[0] for one in claim] for claim in given], [["archive"], []])
        self.assertEqual(self.dump()["due"], {"A": "@30000", "B": "@30000", "C": "@30000"})
        self.check()
        self.do("ZADD", "{spool}:due", self.time() + 1, "A")
        time.sleep(0.005)
        self.assertEqual([one[0] for one in self.run_script("due", [3, 2, 30000, 10])[1:]], ["doubt"])

    def test_due_watch_is_over(self):
        for kind in ("watched", "watched for a doubt"):
            self.clear()
            self.task("A", "failed", kind)
            self.do("HSET", "{spool}:t:A", "watch", "@-1")
            self.do("ZADD", "{spool}:due", "@-10", "A")
            answer, changed = self.twice("due", [1, 10, 30000, 10])
            self.assertEqual((answer, changed["t:A"]), ([[-1]], {"watch": None, "ttl": "60"}))
            self.assertEqual({f: v for f, v in changed["slots:mj-1"].items() if f != "?"}, {"A": None, "#": "0"})

    def test_due_archives_have_no_room(self):
        for id_ in "AB":
            self.task(id_, "archiving")
            self.do("ZADD", "{spool}:due", "@-10", id_)
        answer = self.run_script("due", [1, 10, 30000, 5, "mj-1", 1])
        self.assertEqual([one[0] for one in answer[1:]], ["archive"])
        self.assertEqual(sorted(self.dump()["due"].values()), ["@0", "@30000"])
        self.check()

    def test_due_what_does_not_belong(self):
        """Entries of what has ended, runs at the vendor or is gone."""
        self.task("A", "succeeded")
        self.task("B", "rendering")
        for id_ in ("A", "B", "C"):
            self.do("ZADD", "{spool}:due", "@-10", id_)
        self.assertEqual(self.run_script("due", [1, 10, 30000, 5])[1:], [])
        self.assertEqual(self.dump()["look:mj-1"], {"B": "@0"})
        self.check()

    @each
    def test_looks(self, phase, kind, r):
        self.do("ZADD", "{spool}:look:mj-1", "XX", "@-10", "A")
        item = ["mj-1", 2000, 10000, 50, 10, 0]
        # What it gave isn't given again: it is looked at the next time.
        answer, changed = self.twice("looks", item, ANY)
        self.assertEqual([one.split("\0")[0] for one in answer[1:]], ["A"] if phase in AT_VENDOR else [], changed)
        self.assertLessEqual(changed.keys(), {"look:mj-1"})

    def test_looks_what_does_not_belong(self):
        self.task("A", "archiving")
        for id_ in ("A", "gone"):
            self.do("ZADD", "{spool}:look:mj-1", "@-10", id_)
        self.assertEqual(self.run_script("looks", ["mj-1", 2000, 10000, 50, 10, 0]), [-1])
        self.check()

    def test_looks_at_what_stays_as_it_is(self):
        """Then all that a look needs is one field, as long as the record's version is the same; what changes without one is read beside it."""
        def look():
            self.do("ZADD", "{spool}:look:mj-1", "XX", "@-10", "A")
            next_ms, text = self.run_script("looks", ["mj-1", 2000, 10000, 50, 10, 0])
            return text.split("\0")

        self.task("A", "rendering")
        self.do("HSET", "{spool}:t:A", "started", "@-60000", "at", "@-59000", "asked", 5, "v", 4, "cold", "midjourney\0IMAGINE\0v7")
        read = look()
        packed = self.redis.cli("HGET", "{spool}:t:A", LETTERS["look"])
        self.assertTrue(packed)
        self.assertEqual(look(), read)
        self.assertEqual(self.redis.cli("HGET", "{spool}:t:A", LETTERS["look"]), packed)
        cold = ["midjourney", "IMAGINE", "v7"]
        self.assertEqual((read[1], read[-5:]), ("4", ["", "", *cold]))
        self.do("HSET", "{spool}:t:A", "cancel", 1, "called", "7")
        self.assertEqual(look()[-5:], ["7", "1", *cold])
        # A change, by whatever process: the field isn't believed, and not written while there are changes.
        self.do("HSET", "{spool}:t:A", "v", 5, "progress", 70, "at", "@-100")
        changed = look()
        self.assertEqual((changed[1], "70" in changed, "70" in read), ("5", True, False))
        self.assertEqual(self.redis.cli("HGET", "{spool}:t:A", LETTERS["look"]), packed)
        self.do("HSET", "{spool}:t:A", "at", "@-50000")
        self.assertEqual(look(), changed)
        self.assertNotEqual(self.redis.cli("HGET", "{spool}:t:A", LETTERS["look"]), packed)
        self.assertEqual(look(), changed)
        self.run_script("cancel", ["A", "dev", "0", 0])
        self.assertEqual(self.redis.cli("HGET", "{spool}:t:A", LETTERS["look"]), "")

    def test_looks_no_more_than_the_vendor_takes(self):
        """A quarter of a second's at once, the others spread: whoever asks, and however often."""
        for number in range(60):
            self.do("ZADD", "{spool}:look:mj-1", "@-10", f"A{number}")
            self.do("HSET", f"{{spool}}:t:A{number}", "phase", "rendering", "owner", "dev", "account", "mj-1", "started", "@-5000")
        given, began = [], time.monotonic()
        while time.monotonic() - began < 1.5:
            next_ms, *tasks = self.run_script("looks", ["mj-1", 1, 1, 0, 16, 20])
            given += [time.monotonic() - began] * len(tasks)
            if not tasks:
                self.assertTrue(0 < next_ms <= 67, next_ms)
        self.assertEqual(len([at for at in given if at < 0.05]), 5)
        most = max(len([at for at in given if start <= at < start + 1]) for start in given)
        self.assertTrue(18 <= most <= 20, given)
        next_ms, *tasks = self.run_script("looks", ["mj-1", 1, 1, 0, 16, 0])
        self.assertEqual(len(tasks), 16)

    def test_alike(self):
        """The one job that no task which looks the same has, unless one may have some that nobody knows of."""
        retried = "1774539107000 retried_unknown submit_outcome_unknown"
        for name, other, record, log, sent, wanted in (
            ("it has another", "rendering", {}, "", "@-9000", "U2"),
            ("it has ended", "succeeded", {}, "", "@-9000", "U2"),
            ("it was found", "rendering", {"doubts": 1}, "1774539107000 found U1", "@-9000", "U2"),
            ("it was sent twice", "rendering", {"doubts": 1}, retried, "@-9000", ""),
            ("an operator sent it again", "rendering", {"doubts": 1}, "1774539107000 resolved resubmit", "@-9000", ""),
            ("it leaves now", "submitting", {"sent": "@-100"}, "", "@-100", ""),
            ("it hasn't left", "submitting", {}, "", "@-9000", None),
            ("it is in doubt", "in_doubt", {}, "", "@-9000", ""),
            ("its doubt has failed", "failed", {"doubts": 1, "upstream": ""}, "", "@-9000", ""),
            ("it was refused", "failed", {"upstream": ""}, "", "@-9000", None),
            ("it is forgotten", None, {}, "", "@-9000", ""),
            ("long before", "in_doubt", {}, "", "@-700000", None),
        ):
            with self.subTest(name):
                self.clear()
                r = self.task("A", "in_doubt")
                self.do("ZADD", "{spool}:alike:many:ab", "@-1500", "A", sent, "B")
                if other is not None:
                    self.task("B", other)
                    for field, value in record.items():
                        self.do(*(["HSET", "{spool}:t:B", field, value] if value != "" else ["HDEL", "{spool}:t:B", field]))
                if log:
                    self.do("HSET", "{spool}:t:B", "log", log + "\n")
                # `wanted` None: the other has no job, so each of two may be ours.
                jobs = ["U1", "U2", "U2"]
                answer = self.run_script("alike", ["A", r["n"], "many:ab", *jobs])
                self.assertEqual(answer, wanted or "")
                answer = self.run_script("alike", ["A", r["n"], "many:ab", "U2"])
                self.assertEqual(answer, "U2" if wanted != "" else "")
                for n, likeness, ids in ((r["n"] + 1, "many:ab", jobs), (r["n"], "many:cd", jobs), (r["n"], "many:ab", [])):
                    self.assertEqual(self.run_script("alike", ["A", n, likeness, *ids]), "")
                self.assertEqual(self.run_script("alike", ["A", r["n"], "many:ab", "U2", "U3"]), "")

    def test_what_a_submit_looks_like_is_kept_for_a_day(self):
        r = self.task("A", "submitting")
        self.do("ZADD", "{spool}:alike:many:ab", "@-86400001", "B", "@-1000", "C")
        answer, changed = self.twice("begin", ["A", r["n"], 9000, "many:ab", ""])
        self.assertEqual(answer, "go")
        self.assertEqual(changed["alike:many:ab"], {"A": "@0", "B": None, "ttl": "1440"})

    @each
    def test_claim(self, phase, kind, r):
        """Only what is in a lane, for an account that has room, and the same again by its number."""
        names = ["midjourney/", "@mj-1", "?midjourney/", "?@mj-1"]
        items = ([1, 10, 30000], ["mj-1", 10, 3, 1, 0, *names])
        before = self.dump()
        answer = self.run_script("claim", *items)
        self.check()
        after = self.dump()
        is_given = phase == "queued" and KINDS[kind].get("way", "lane") == "lane" and r.get("cost", 1) != 4
        again = self.run_script("claim", *items, again=1)
        self.check()
        self.assertEqual(self.dump(), after)
        self.assertEqual((len(answer) - 1, again[1:]), (int(is_given), answer[1:]))
        changed = self.changes(before, after)
        if not is_given:
            self.assertEqual(changed.get("t:A"), None)
            return
        t = changed["t:A"]
        self.assertEqual((t["phase"], t["v"], t["n"], t["by"]), ("submitting", "2", "1", "w1"))
        self.assertEqual(changed["due"], {"A": "@30000"})
        self.assertEqual((changed[f"lane:{r['lane']}"], changed["lanes"]), (None, None))
        self.assertEqual("slots:mj-1" in changed, r.get("cost", 1) > 0)

    def test_claim_of_accounts(self):
        """None that cools, has a bad key, or is full."""
        states = {"cooling": ("cool", "@5000"), "bad key": ("out", "denied"), "disabled": ("off", 1), "rate": ("tat", "@5000")}
        for name, state in states.items():
            with self.subTest(state=name):
                self.clear()
                self.task("A", "queued")
                self.do("HSET", "{spool}:acct:mj-1", *state)
                answer, changed = self.twice("claim", [1, 10, 30000])
                items = ([1, 10, 30000], ["mj-1", 10, 3, 1, 60, "midjourney/*"])
                answer = self.run_script("claim", *items)
                self.assertEqual(len(answer), 1)
                self.assertTrue(4000 < answer[0][0] <= 5000 if name in ("cooling", "rate") else answer[0][0] == -1, answer)
        for cap, given in ((1, 0), (2, 1), (0, 2)):
            with self.subTest(cap=cap):
                self.clear()
                self.task("A", "queued")
                self.task("B", "queued")
                self.task("C", "rendering")
                self.do("ZADD", "{spool}:lane:midjourney/", 2, "B")
                answer = self.run_script("claim", [1, 10, 30000], ["mj-1", 10, cap, 1, 0, "midjourney/"])
                self.assertEqual(len(answer) - 1, given)
                self.check()

    @each
    def test_sweep(self, phase, kind, r):
        """What fits together isn't touched; and whatever is missing comes back."""
        item = [1000, "", 60000, 1, "mj-1", "dev"]
        answer, changed = self.twice("sweep", item)
        self.assertEqual((answer[0], answer[1], answer[2], answer[3], changed), ("0", 0, [], [], {}))
        before = self.dump()
        for name in ("due", "look:mj-1", f"lane:{r['lane']}", "slots:mj-1"):
            if "A" not in before.get(name, {}):
                continue
            lost = ("HDEL", "{spool}:t:A", "slot") if name == "slots:mj-1" else ("ZREM", f"{{spool}}:{name}", "A")
            self.do(*lost)
            with self.subTest(lost=name):
                self.assertNotEqual(invariants.look(self.wire), [])
                self.assertEqual(self.run_script("sweep", item)[1], 1)
                self.check()

    def test_slots_that_come_and_go_during_a_sweep(self):
        """They are counted all the same, and a sum that is wrong is put right."""
        for lies_by in (0, 3):
            self.clear()
            ids = [f"T{n:03}" for n in range(200)]
            running = {id_: self.task(id_, "rendering") for id_ in ids[:100]}
            for n, id_ in enumerate(ids[100:]):
                self.task(id_, "queued")
                self.do("ZADD", "{spool}:lane:midjourney/", n + 1, id_)
            self.do("HINCRBY", "{spool}:slots:mj-1", "#", lies_by)
            steps, repairs, cursor = 0, 0, ""
            while cursor != "0":
                cursor, found, _, _ = self.run_script("sweep", [10, "", 60000, 1, "mj-1", "dev"])
                steps, repairs = steps + 1, repairs + found
                if cursor != "0":
                    for _ in range(3):
                        id_, r = running.popitem()
                        self.run_script("change", [id_, *change(r, "failed")[1:]])
                    self.run_script("claim", [steps, 4, 30000], ["mj-1", 10, 0, 1, 0, "midjourney/"])
            self.assertGreater(steps, 5)
            self.assertEqual(repairs, 1 if lies_by else 0)
            self.check()

    def test_sweep_ends(self):
        """What is too old, and what runs where nobody asks any more."""
        self.task("A", "queued")
        answer, changed = self.twice("sweep", [1000, "B", 60000, 1, "mj-1"], ["0", 0, [], []])
        self.assertEqual((answer[3], changed["t:A"]["code"]), (["A", ""], "vendor_unavailable"))
        for phase in ("in_doubt", *AT_VENDOR, "archiving"):
            with self.subTest(phase=phase):
                self.clear()
                self.task("A", phase)
                answer, changed = self.twice("sweep", [1000, "", 60000, 0])
                self.assertEqual((answer[2], changed["t:A"]["wait"].split(" ")[0]), (["mj-1"], "account_removed"))
                self.assertEqual(self.twice("sweep", [1000, "", 60000, 1, "mj-1"])[1]["t:A"], {"wait": None})
                answer, changed = self.twice("sweep", [1000, "", 500, 0], ["0", 0, [], []])
                self.assertEqual((answer[3], changed["t:A"]["code"]), (["A", ""], "account_removed"))

    def test_resolve(self):
        """What has failed goes on as the same task, and holds what such a task holds."""
        wanted = {"adopt": "submitted", "archive": "archiving", "resubmit": "queued"}
        for how, phase in wanted.items():
            for code in ("submit_outcome_unknown", "archive_failed", "upstream_lost", "task_timeout"):
                watched = "watched for a doubt" if code == "submit_outcome_unknown" else "watched, hook"
                for kind in ("plain", watched, "follow-up"):
                    with self.subTest(how=how, code=code, kind=kind):
                        self.clear()
                        r = self.task("A", "failed", kind)
                        self.do("HSET", "{spool}:t:A", "code", code, "error", "why", "account", "mj-1")
                        item = ["A", r["v"], how, "U9" if how == "adopt" else "", "{}"]
                        answer, changed = self.twice("resolve", item, "done")
                        now = self.dump()
                        self.assertEqual((answer, now["t:A"]["phase"], now["t:A"]["v"]), ("done", phase, str(r["v"] + 1)))
                        self.assertFalse({"code", "error", "finished", "watch", "ttl"} & set(now["t:A"]), now["t:A"])
                        self.assertEqual(now["t:A"].get("upstream"), {"adopt": "U9", "resubmit": None}.get(how, now["t:A"].get("upstream")))
                        self.assertEqual("hooks" in now, "hook" in kind)
        self.clear()
        r = self.task("A", "failed")
        self.do("HSET", "{spool}:t:A", "code", "content_filter")
        self.assertEqual(self.twice("resolve", ["A", r["v"], "resubmit", "", ""]), ("other", {}))
        self.assertEqual(self.twice("resolve", ["A", r["v"] - 1, "resubmit", "", ""]), ("stale", {}))
        self.assertEqual(self.twice("resolve", ["B", 1, "resubmit", "", ""]), ("missing", {}))

    def test_missing(self):
        """A task that is gone is nobody's, and leaves no key behind."""
        wanted = {
            "begin": (["A", 1, 9000, "many:ab"], "stale"), "cancel": (["A", "", "0", 0], ["missing"]), "hint": (["A", "U"], 0),
            "change": (change({"v": 1, "n": 1}, "queued"), ["missing", 0, 0]), "hold": (["A", 1, 9000, "x", "y"], 0),
            "posted": (["A", 1, "@0", "delivered", 0, 200, 5, 0, "", 1000, ""], 0), "read": (["A", ""], None),
            "redeliver": (["A", "dev", 1], "missing"), "looks": (["mj-1", 1, 2, 3, 4, 0], [-1]), "alike": (["A", 1, "many:ab", "U1"], ""),
        }  # fmt: skip
        for script, (item, answer) in wanted.items():
            with self.subTest(script=script):
                self.clear()
                self.assertEqual(self.twice(script, item), (answer, {}))
        self.assertEqual(self.twice("hold", ["A", 1, -1, "", ""]), (0, {}))
        for script, item in (("due", [1, 10, 30000, 5]), ("claim", [1, 10, 30000]), ("sweep", [10, "", 1, 0])):
            self.assertEqual(self.twice(script, item)[1], {})

    @each
    def test_read(self, phase, kind, r):
        for owner, is_seen in (("dev", True), ("", True), ("other", False)):
            seen = self.dump()
            answer = self.run_script("read", ["A", owner])
            self.assertEqual((answer is not None, self.changes(seen, self.dump())), (is_seen, {}))
            if is_seen:
                fields, _, _, acts, before, typical, eta, ran, cursor = answer
                last = self.wire.call("XREVRANGE", "{spool}:events", "+", "-", "COUNT", 1)
                self.assertEqual(cursor, last[0][0] if last else "0-0")
                self.assertEqual((typical, eta), (-1, -1))  # nothing is known of such jobs
                self.assertEqual(ran >= 2000, phase in AT_VENDOR)
                self.assertEqual(with_names(invariants.pairs(unpacked(fields)))["phase"], phase)
                self.assertEqual(acts >= 0, phase == "archiving" or kind == "retry")
                self.assertEqual(before, 0 if phase == "queued" and KINDS[kind].get("way", "lane") == "lane" else -1)


class Foresight(Bench):
    """How long jobs of a kind take, and what follows from that."""

    KIND = "midjourney/"

    def ends(self, id_, took_ms, kind="plain", **fields):
        """A job that took so long is seen to have ended."""
        r = self.task(id_, "rendering", kind)
        self.do("HSET", f"{{spool}}:t:{id_}", "started", f"@{-took_ms}", *(w for pair in fields.items() for w in pair))
        self.now = self.time()
        self.do("HSET", f"{{spool}}:t:{id_}", "started", f"@{-took_ms}")
        self.run_script("change", [id_, *change(r, "archiving")[1:]])

    def span(self, kind=KIND):
        words = (self.do("GET", f"{{spool}}:span:{kind}") or "").split()
        return {int(b): float(count) for b, count in (word.split(":") for word in words if not word.startswith("@"))}

    def test_what_is_kept(self):
        """Of each kind apart; all of it in a few hundred bytes, however many there were."""
        for n in range(3):
            self.ends(f"A{n}", 8000)
        self.ends("B", 16500)
        self.assertEqual(self.span(), {24: 3, 32: 1})
        self.ends("C", 8000, cold="kling\0text2video\0kling-v3", asked=10)
        self.assertEqual(self.span("kling/text2video/kling-v3/10"), {24: 1})
        self.ends("D", 8000, cold="kling\0text2video\0" + "x" * 5000)
        self.assertEqual(self.do("ZCARD", "{spool}:spans"), 3)
        self.assertLess(max(map(len, self.do("ZRANGE", "{spool}:spans", 0, -1))), 101)
        self.check()

    def test_older_jobs_count_less(self):
        for n in range(290):
            self.wire.call("SET", "{spool}:span:" + self.KIND, "24:300")
        self.ends("A", 64500)
        self.assertEqual(self.span(), {24: 150, 48: 0.5})
        self.wire.call("SET", "{spool}:span:" + self.KIND, " ".join(f"{b}:123.5" for b in range(105)))
        self.ends("B", 64500)
        self.assertLess(self.do("STRLEN", "{spool}:span:" + self.KIND), 1200)

    def test_a_burst_is_remembered_as_a_whole(self):
        """Jobs that begin together end one after the other, the shortest first."""
        begun = self.time() - 30001  # 8 s is what most take
        self.wire.call("SET", "{spool}:span:" + self.KIND, f"@{begun} 24:300")
        self.ends("A", 64500)
        self.assertEqual(self.span(), {24: 300, 48: 1})
        self.wire.call("SET", "{spool}:span:" + self.KIND, f"@{begun} 24:{2**14} 40:2500")
        self.ends("B", 64500)
        self.assertEqual(self.span(), {24: 2**14, 40: 2500, 48: 1})
        self.wire.call("SET", "{spool}:span:" + self.KIND, f"@{begun} 24:{2**14} 40:5000")  # more aren't kept
        self.ends("C", 64500)
        self.assertEqual(self.span(), {24: 2**13, 40: 2500, 48: 0.5})
        self.assertGreater(int(self.do("GET", "{spool}:span:" + self.KIND).split()[0][1:]), begun + 30000)

    def test_so_many_kinds(self):
        self.wire.call("ZADD", "{spool}:spans", *(word for n in range(2000) for word in (n, f"k{n}")))
        self.wire.call("SET", "{spool}:span:k0", "24:1")
        self.ends("A", 8000)
        self.assertEqual((self.do("ZCARD", "{spool}:spans"), self.do("EXISTS", "{spool}:span:k0")), (2000, 0))

    def test_what_is_told(self):
        """How long, when, and from the start what its progress is told by."""
        self.wire.call("SET", "{spool}:span:" + self.KIND, "48:10 56:10")  # 64 to 70 s, 128 to 140 s
        r = self.task("A", "submitting", "sent")
        self.run_script("change", ["A", *change(r, "submitted", upstream="U1")[1:]])
        self.assertAlmostEqual(int(self.do("HGET", "{spool}:t:A", "expected")), 69793, delta=10)
        for ran_ms, left_ms in ((0, 69793), (65000, 128000 - 65000), (100000, 33800)):
            self.do("HSET", "{spool}:t:A", "started", f"@{-ran_ms}")
            answer = self.run_script("read", ["A", ""])
            self.assertAlmostEqual(answer[5], 69793, delta=10)
            self.assertAlmostEqual(answer[6] - self.time(), left_ms, delta=6000, msg=ran_ms)
            self.assertAlmostEqual(answer[7], ran_ms, delta=2000)
        self.do("HSET", "{spool}:t:A", "started", "@-900000")  # longer than any
        self.assertEqual(self.run_script("read", ["A", ""])[6], -1)

    def test_few_say_nothing(self):
        self.wire.call("SET", "{spool}:span:" + self.KIND, "48:7")
        r = self.task("A", "submitting", "sent")
        self.run_script("change", ["A", *change(r, "submitted", upstream="U1")[1:]])
        self.assertIsNone(self.do("HGET", "{spool}:t:A", "expected"))
        self.assertEqual(self.run_script("read", ["A", ""])[5:7], [-1, -1])

    def next_look_ms(self, ran_ms):
        self.do("HSET", "{spool}:t:A", "started", f"@{-ran_ms}")
        self.do("ZADD", "{spool}:look:mj-1", "@-1", "A")
        self.run_script("looks", ["mj-1", 1000, 10000, 0, 10, 0])
        return float(self.do("ZSCORE", "{spool}:look:mj-1", "A")) - self.time()

    def test_where_looks_are_worth_it(self):
        """Few early, close ones when it is due, few again late; never closer than the vendor allows."""
        self.task("A", "rendering")
        usual = self.next_look_ms(60000)
        self.assertAlmostEqual(usual, 10000, delta=1500)
        self.wire.call("SET", "{spool}:span:" + self.KIND, "50:5 51:10 52:20 53:30 54:20 55:10 56:5")  # about 100 s
        early, due, late = (self.next_look_ms(ran_ms) for ran_ms in (10000, 100000, 400000))
        self.assertGreater(early, 2 * due)
        self.assertGreater(late, 2 * due)
        self.assertLessEqual(max(early, late), 4 * 10000 * 1.11)
        self.assertGreaterEqual(due, 990)
        self.assertLess(due, usual)
        for ran_ms in (8100000, 9000000, 86400000):  # about where the last bucket begins, and behind it
            self.assertGreater(self.next_look_ms(ran_ms), 2 * due, ran_ms)


class Replay(Bench):
    def test_against_fixed_intervals(self):
        """The same number of requests: what lies between a job's end and when it is seen halves."""
        times = replay.times()
        looks, mean, median, p99 = replay.replay(self.wire, times, "foresight")
        fixed = replay.replay(self.wire, times, "fixed", replay.fixed_interval(self.wire, times, looks))
        usual = replay.replay(self.wire, times, "usual")
        for name, found in (("foresight", (looks, mean, median, p99)), ("fixed", fixed), ("usual", usual)):
            print(f"{name}: {found[0]} looks, lag mean {found[1]:.0f} p50 {found[2]:.0f} p99 {found[3]:.0f} ms")
        self.assertLess(abs(fixed[0] - looks) / looks, 0.02)
        self.assertLess(mean, fixed[1] / 2)
        self.assertLess(looks, usual[0])
        self.assertLess(mean, usual[1] / 2)


class Follow(Bench):
    """What is said to a task before it waits for that."""

    def test_its_parent_ends(self):
        for end in ENDED:
            with self.subTest(end=end):
                self.clear()
                self.task("A", "queued", "awaits, hook")
                r = {"v": 5, "n": 1}
                item = ["A-parent", *change(r, end)[1:]]
                _, changed = self.twice("change", item, ["again", 6, 0])
                self.assertEqual((changed["t:A"]["phase"], changed["t:A"]["code"]), ("failed", "invalid_request"))
                self.assertEqual((changed["await:A-parent"], changed["d:A"]["n"]), (None, "1"))

    def test_its_parent_waits(self):
        self.task("A", "queued", "awaits")
        item = ["A-parent", *change({"v": 5, "n": 1}, "rendering", sub="MODAL")[1:]]
        _, changed = self.twice("change", item, ["again", 6, 0])
        t = changed["t:A"]
        self.assertEqual((t["await"], t["account"], t["uparent"]), (None, "mj-1", "U1"))
        self.assertEqual((changed["await:A-parent"], changed["lane:?@mj-1"]), (None, {"A": "1"}))

    def test_its_parent_has_no_id(self):
        """Nothing can be said to it yet."""
        self.task("A", "queued", "awaits")
        self.do("HDEL", "{spool}:t:A-parent", "upstream")
        item = ["A-parent", *change({"v": 5, "n": 1}, "rendering", sub="MODAL")[1:]]
        _, changed = self.twice("change", item, ["again", 6, 0])
        self.assertEqual(changed.keys(), {"t:A-parent", "l:A-parent", "events"})


class Submit(Bench):
    def submitted(self, id_="A", lane="midjourney/", owner="dev", options=None, request="{}", **fields):
        more = [word for name, value in {"cold": "midjourney", **fields}.items() for word in (LETTERS.get(name, name), value)]
        return [id_, owner, lane, request, json.dumps(options) if options else "", *more]

    def test_accepted(self):
        cases = {
            "plain": self.submitted(),
            "hook": self.submitted(options={"hook": "https://example.com/"}, hook=1),
            "no slot": self.submitted(lane="?midjourney/", cost=0, ask=1),
            "unlisted": self.submitted(options={"unlisted": True}),
            "large": self.submitted(request="x" * 5000),
            "with a key": self.submitted(options={"idem": "k", "body": "b"}),
        }
        for name, item in cases.items():
            with self.subTest(name=name):
                self.clear()
                answer, changed = self.twice("submit", item)
                self.assertEqual(answer, 0)
                self.assertEqual((changed["t:A"]["phase"], changed["waiting"]), ("queued", {"*": "1", "dev": "1"}))
                self.assertEqual("own:dev" in changed, name != "unlisted")
                self.assertEqual("b:A" in changed, name == "large")
                self.assertEqual("d:A" in changed, name == "hook")

    def test_again_behind_others(self):
        """It says how many waited before it; one that has no key says 0 when it is sent again."""
        for options, second in (({"idem": "k", "body": "b"}, 2), (None, 0)):
            self.clear()
            for id_ in "BC":
                self.run_script("submit", self.submitted(id_))
            self.assertEqual(self.twice("submit", self.submitted(options=options), second)[0], 2)

    def test_again_when_it_has_gone_on(self):
        item = self.submitted()
        self.run_script("submit", item)
        self.run_script("claim", [1, 10, 30000], ["mj-1", 10, 3, 1, 0, "midjourney/"])
        before = self.dump()
        self.assertEqual(self.run_script("submit", item, again=1), 0)
        self.assertEqual(self.dump(), before)

    def test_limits(self):
        self.run_script("submit", self.submitted("B"))
        for limits, word in (((1, 0), "full"), ((0, 1), "full_for_key")):
            self.assertEqual(self.twice("submit", self.submitted(), limits=limits), ([word], {}))
        # What was taken before it was full stays taken.
        self.assertEqual(self.run_script("submit", self.submitted("B"), again=1, limits=(1, 1)), 0)

    def test_idempotency(self):
        options = {"idem": "k", "body": "b"}
        self.run_script("submit", self.submitted("B", options=options))
        self.assertEqual(self.twice("submit", self.submitted(options=options)), (["replayed", "B", 0], {}))
        other = self.submitted(options={"idem": "k", "body": "c"})
        self.assertEqual(self.twice("submit", other), (["mismatch"], {}))

    def test_same(self):
        """It is noted for a day, and by whom it is held."""
        options = {"same": "s", "holder": "p1"}
        answer, changed = self.twice("submit", self.submitted("B", options=options))
        self.assertEqual((answer, changed["same:dev:s"]), (0, {"B": "p1", "ttl": "1440"}))
        self.assertEqual(self.twice("submit", self.submitted("C", options=options))[0], ["replayed", "B", 0])
        self.do("HSET", "{spool}:processes", "p1 api", "@0 words")
        self.assertEqual(self.run_script("submit", self.submitted("D", options=options)), 1)
        self.assertEqual(self.dump()["same:dev:s"], {"B": "p1", "D": "p1", "ttl": "1440"})
        options["resent"] = True
        self.assertEqual(self.twice("submit", self.submitted("E", options=options))[0], ["replayed", "D", 0])

    def follow_up(self, phase, kind="plain", **options):
        self.task("P", phase, kind)
        return self.submitted(lane="?@mj-1", cost=0, parent="P", options={"parent": "P", **options})

    @each
    def test_once(self, phase, kind, r):
        """The same isn't asked of a parent twice, unless it has failed."""
        self.clear()
        item = self.follow_up("succeeded", once="U1")
        self.task("A", phase, kind)
        self.do("HSET", "{spool}:once:P", "U1", "A")
        self.do("PEXPIRE", "{spool}:once:P", RETENTION_MS)
        item[0] = "B"
        is_over = phase in ("failed", "cancelled")
        answer, changed = self.twice("submit", item)
        self.assertEqual(answer, 0 if is_over else ["repeated", "A"])
        self.assertEqual(changed.get("once:P"), {"U1": "B"} if is_over else None)

    def test_once_of_a_parent_that_has_gone(self):
        """It can't be noted for as long as that is kept, which is over."""
        item = self.submitted(parent="P", options={"parent": "P", "once": "U1"})
        answer, changed = self.twice("submit", item)
        self.assertEqual((answer, "once:P" in changed), (0, False))

    def test_await(self):
        for phase in PHASES:
            for kind in ("plain", "waits for its client"):
                if kind != "plain" and phase not in AT_VENDOR:
                    continue
                with self.subTest(phase=phase, kind=kind):
                    self.clear()
                    item = self.follow_up(phase, kind, once="confirm", **{"await": True})
                    answer, changed = self.twice("submit", item)
                    if phase in ENDED:
                        self.assertEqual((answer, changed), (["over"], {}))
                    elif kind == "plain":
                        self.assertEqual((answer, changed["await:P"]), (0, {"A": ""}))
                    else:
                        self.assertEqual((answer, changed["lane:?@mj-1"]), (0, {"A": "1"}))
                        self.assertEqual((changed["t:A"]["uparent"], changed["t:A"]["account"]), ("U1", "mj-1"))

    def test_turns(self):
        """One call of many is as many calls of one."""
        owners = ["dev", "dev", "other", "dev", "other"]
        items = [self.submitted(f"T{i}", owner=owner) for i, owner in enumerate(owners)]
        self.assertEqual(self.run_script("submit", *items), [0, 1, 2, 3, 4])
        together = self.dump()
        self.check()
        self.clear()
        for item in items:
            self.run_script("submit", item)
        self.assertEqual(self.dump(), together)
        self.assertEqual(together["lane:midjourney/"], {"T0": "1", "T2": "1", "T1": "2", "T4": "2", "T3": "3"})


class Join(Bench):
    """A request that may have been sent before."""

    def ask(self, holder="p2", resent="", owner="dev"):
        return self.twice("join", [owner, "s", holder, resent], "A" if resent else None)

    def note(self, holder="p1", beat=None):
        self.do("DEL", "{spool}:same:dev:s", "{spool}:processes")
        self.do("HSET", "{spool}:same:dev:s", "A", holder)
        self.do("PEXPIRE", "{spool}:same:dev:s", 86400000)
        if beat is not None:
            self.do("HSET", "{spool}:processes", f"{holder} api", f"@{beat} words")

    @each
    def test_its_client_has_gone(self, phase, kind, r):
        item = ["dev", "s", "p2", ""]
        for holder, beat in (("-", None), ("p1", None), ("p1", -8000)):
            self.note(holder, beat)
            self.assertEqual(self.run_script("join", item), "A" if phase not in ENDED else "", (holder, beat))
            holder = holder if phase in ENDED else "p2"
            self.assertEqual(self.dump()["same:dev:s"], {"A": holder, "ttl": "1440"})
            self.check()

    @each
    def test_it_is_sent_again(self, phase, kind, r):
        for holder, beat in (("-", None), ("p1", 0), ("+", None)):
            self.note(holder, beat)
            self.assertEqual(self.ask("+", "1"), ("A", {}), holder)
            self.assertEqual(self.ask(resent="1"), ("A", {"same:dev:s": {"A": "p2"}}), holder)

    def test_another_one(self):
        self.task("A", "rendering")
        self.do("DEL", "{spool}:same:dev:s")
        self.assertEqual(self.run_script("join", ["dev", "s", "p2", "1"]), "")
        for holder, beat in (("p1", 0), ("p1", -7000), ("+", None)):
            self.note(holder, beat)
            self.assertEqual(self.ask(), ("", {}), (holder, beat))
        self.note("-")
        self.assertEqual(self.ask("+"), ("A", {}))
        self.assertEqual(self.run_script("join", ["other", "s", "p2", "1"]), "")

    def test_several(self):
        """Each that sends again gets one that nobody waits for, then the newest."""
        for id_, phase, holder in (("A", "rendering", "-"), ("B", "queued", "-"), ("C", "succeeded", "-"), ("D", "queued", "p1")):
            self.task(id_, phase)
            self.do("HSET", "{spool}:same:dev:s", id_, holder)
        self.do("HSET", "{spool}:processes", "p1 api", "@0 words", "p2 api", "@0 words")
        for resent, wanted in (("1", "B"), ("", "A"), ("1", "D"), ("", "")):
            self.assertEqual(self.run_script("join", ["dev", "s", "p2", resent]), wanted)

    def test_many(self):
        """No more than sixteen are noted."""
        for i in range(20):
            self.run_script("submit", Submit.submitted(self, f"T{i:02}", options={"same": "s", "holder": "+"}))
        self.assertEqual(sorted(self.dump()["same:dev:s"]), [f"T{i:02}" for i in range(4, 20)] + ["ttl"])

    def test_what_is_made_anew(self):
        """What cost nothing, and what is forgotten."""
        item = ["dev", "s", "p2", "1"]
        self.note("-")
        self.assertEqual(self.run_script("join", item), "")
        self.task("A", "failed")
        self.do("HSET", "{spool}:t:A", "code", "vendor_unavailable")
        self.assertEqual(self.run_script("join", item), "")
        self.do("HSET", "{spool}:t:A", "code", "vendor_failed")
        self.assertEqual(self.run_script("join", item), "A")
        self.do("HSET", "{spool}:t:A", "gone", 1)
        self.assertEqual(self.run_script("join", item), "")

    def test_leave(self):
        self.note()
        for item in (["dev", "s", "B", "p1"], ["dev", "s", "A", "p2"], ["other", "s", "A", "p1"]):
            self.assertEqual(self.twice("leave", item), (1, {}), item)
        self.assertEqual(self.twice("leave", ["dev", "s", "A", "p1"]), (1, {"same:dev:s": {"A": "-"}}))
        self.assertEqual(self.dump()["same:dev:s"]["ttl"], "1440")


class Deliveries(Bench):
    POST = (5000, 8, 8, 8, 8, 0)  # the lease, and as many as there may be
    serial = 0

    def pending(self, count=1, phase="rendering"):
        """A task with so many changes that nobody was told of."""
        self.task("A", phase, "hook")
        views = [word for n in range(1, count + 1) for word in (n, f"{n} rendering 0 0 @-1000")]
        self.do("HSET", "{spool}:d:A", "n", count, *views)
        self.do("ZADD", "{spool}:hooks", "@-10", "A")
        for name in invariants.OF_A_TASK:
            self.do("PERSIST", f"{{spool}}:{name}:A")

    def post(self, by="w1", is_lost=False):
        """The next claim; or, where the answer to the last one was lost, that once more."""
        self.serial += not is_lost
        answer = self.run_script("post", [self.serial, *self.POST], by=by)
        self.check()
        return answer

    def posted(self, outcome, delay=0, status=200, n=1, lease="@5000", error="", body=""):
        lease = self.wire.call("HGET", "{spool}:d:A", "lease") if lease == "@5000" else lease
        return ["A", n, lease, outcome, delay, status, 20, 0, error, 60000, body]

    def test_post(self):
        self.pending()
        before = self.dump()
        answer = self.post()
        changed = self.changes(before, self.dump())
        receiver, is_slow, n, _, tries, url, view = answer[1][:7]
        self.assertEqual((receiver, is_slow, n, tries, url), ("example.com:443", 1, 1, 0, "https://example.com/hook"))
        self.assertEqual(relative(view, self.now), "1 rendering 0 0 @-1000")
        self.assertEqual((changed["d:A"], changed["hooks"]), ({"lease": "@5000"}, {"A": "@5000"}))
        # Nobody gets it while that lease lasts but who asks again with the same number.
        after = self.dump()
        self.assertEqual(self.post(is_lost=True), [[0, 0], answer[1]])
        self.assertEqual(self.post(by="w2", is_lost=True)[1:], [])
        self.assertEqual(self.dump(), after)
        # What was handed back meanwhile isn't its any more.
        self.run_script("posted", self.posted("later"))
        self.assertEqual(self.post(is_lost=True)[1:], [])

    def test_a_body_is_kept_for_the_next_attempt(self):
        body = '{"a":\t"b\\n c"}'
        self.pending()
        self.assertEqual(self.post()[1][7], "")
        self.run_script("posted", self.posted("retry", 0, 500, body=body))
        self.assertEqual(self.dump()["body:A"]["ttl"], "1")
        # It is there until it arrives, however often; a newer change has another one.
        for _ in range(2):
            self.assertEqual(self.post()[1][7], body)
            self.run_script("posted", self.posted("retry", 0, 500))
        self.assertEqual(self.post()[1][7], body)
        self.run_script("posted", self.posted("delivered"))
        self.assertNotIn("body:A", self.dump())
        self.clear()
        self.pending(2)
        self.post()
        self.run_script("posted", self.posted("retry", 0, 500, body=body))
        self.assertEqual((answer := self.post()[1])[2:8:5], [2, ""], answer)
        self.assertNotIn("body:A", self.dump())
        self.run_script("posted", self.posted("retry", 0, 500, n=2, body=body))
        self.assertIn("body:A", self.dump())
        self.run_script("forget", ["A", "dev", "0", 0])
        self.assertNotIn("body:A", self.dump())

    def commands_of(self, count):
        """What claims so many deliveries at one receiver, and notes their ends: all commands, and those of its lane."""
        self.clear()
        names = "ABCDEFGH"[:count]
        for name in names:
            self.task(name, "rendering", "hook")
            self.do("HSET", f"{{spool}}:d:{name}", "n", 1, 1, "1 rendering 0 0 @-1000")
            self.do("ZADD", "{spool}:hooks", "@-10", name)
        self.wire.call("CONFIG", "RESETSTAT")
        self.serial += 1
        answer = self.run_script("post", [self.serial, *self.POST])
        self.assertEqual(len(answer), 1 + count)
        took = [20 + 100 * number for number in range(count)]
        ends = [[name, 1, answer[1][3], "delivered", 0, 204, ms, 0, "", 1000, ""] for name, ms in zip(names, took)]
        self.run_script("posted", *ends)
        stats = self.wire.call("INFO", "commandstats")
        calls = dict(re.findall(r"cmdstat_(\S+?):calls=(\d+)", stats.decode() if isinstance(stats, bytes) else stats))
        mean = took[0]
        for ms in took[1:]:
            mean = (mean + ms) // 2
        self.assertEqual(self.wire.call("GET", "{spool}:receiver:example.com:443"), str(mean))
        self.check()
        left = self.dump()
        self.assertEqual([name for name in left if name.startswith(("hooks", "quick", "slow"))], [])
        return sum(map(int, calls.values())), {name: calls[name] for name in ("zcard", "set", "zrangebyscore")}

    def test_cost(self):
        """Receivers and lanes cost once per call, and a delivery no more than it must."""
        one, of_lane = self.commands_of(1)
        eight, of_lanes = self.commands_of(8)
        self.assertEqual(of_lanes, of_lane)
        self.assertLessEqual((eight - one) / 7, 14)

    def test_outcomes(self):
        wanted = {  # outcome, changes -> the next state of the first, head, when again
            ("delivered", 1): ("delivered 1", "2", None), ("delivered", 2): ("delivered 1", "2", "@0"),
            ("retry", 1): ("retrying 1", None, "@9000"), ("retry", 2): ("retrying 1", None, "@0"),
            ("exhausted", 1): ("exhausted 1", "2", None), ("exhausted", 2): ("exhausted 1", "2", "@0"),
            ("ended", 1): ("ended 1", "2", None), ("ended", 2): ("ended 1", "3", None),
            ("later", 1): (None, None, "@9000"), ("later", 2): (None, None, "@9000"),
        }  # fmt: skip
        for (outcome, count), (state, head, due) in wanted.items():
            for phase in ("rendering", "succeeded"):
                with self.subTest(outcome=outcome, count=count, phase=phase):
                    self.clear()
                    self.pending(count, phase)
                    self.post()
                    self.assertEqual(self.twice("posted", self.posted(outcome, lease="@77")), (0, {}))
                    # It has no lease any more when it is sent again; nobody asks for the answer.
                    answer, changed = self.twice("posted", self.posted(outcome, 9000), 0)
                    d = self.dump()["d:A"]
                    self.assertEqual((answer, d.get("lease"), d.get("head")), (1, None, head))
                    self.assertEqual(" ".join(d["1r"].split(" ")[:2]) if "1r" in d else None, state)
                    self.assertEqual(self.dump().get("hooks", {}).get("A"), due)
                    self.assertEqual(d.get("ttl"), "60" if due is None and phase in ENDED else None)
                    self.assertEqual(len(changed.get("l:A", [])), int(outcome != "later"), changed)

    def test_exhausted(self):
        """Operators find what was given up, until it is sent again."""
        self.pending(2, "succeeded")
        self.post()
        _, changed = self.twice("posted", self.posted("exhausted"), 0)
        self.assertEqual(changed["exhausted"], {"A": "@0"})
        self.post()
        self.run_script("posted", self.posted("delivered", n=2))
        self.assertEqual(self.run_script("overview", [])[5], ["example.com:443", 1])
        _, changed = self.twice("redeliver", ["A", "", 1], "queued")
        self.assertEqual(changed["exhausted"], None)
        self.post()
        self.assertEqual(self.run_script("overview", [])[5], [])

    def test_undelivered(self):
        """By status, host and time; sent once more, each once."""
        self.pending(2, "succeeded")
        self.post()
        self.run_script("posted", self.posted("exhausted"))
        find = lambda *words: self.twice("undelivered", ["list", *words, 10, 0, 100])[0][1]
        view = "1 rendering 0 0 @-1000"
        for host, count in (("", 1), ("example.com", 1), ("example.com:443", 1), ("example.co", 0), ("example.com:80", 0)):
            self.assertEqual(len(find("exhausted", host, 0)), count, host)
        found = find("exhausted", "", 0)[0]
        self.assertEqual((found[:4], relative(found[4], self.now), found[5].split(" ")[0]), (["A", 1, "example.com:443", "dev"], view, "exhausted"))
        self.assertEqual(find("exhausted", "", "@-500"), [])
        self.assertEqual([one[1] for one in find("pending", "", 0)], [2])
        self.assertEqual(find("retrying", "", 0), [])
        self.post()
        self.run_script("posted", self.posted("retry", 9000, n=2))
        self.assertEqual([one[1] for one in find("retrying", "", 0)], [2])
        self.assertEqual(find("pending", "", 0), [])
        # Asked again there is none left.
        answer, changed = self.twice("undelivered", ["redeliver", "exhausted", "", 0, 10, 0, 100], [-1, 0])
        self.assertEqual((answer, changed["exhausted"], changed["d:A"]["redo"]), ([-1, 1], None, "1"))

    def test_undelivered_in_parts(self):
        """Each call goes on where the one before it ended, also where what was sent once more is gone from there."""
        self.pending(2, "succeeded")
        for _ in range(2):
            n = self.post()[1][2]
            self.run_script("posted", self.posted("exhausted", n=n))
        for i, at in (("C", 60000), ("B", 61000), ("D", -60000)):
            self.do("HSET", f"{{spool}}:d:{i}", "n", 1, "url", "https://other.example/", 1, "1 failed 0 0 @-1000",
                    "1r", "exhausted 1 @-900 500 1 no")  # fmt: skip
            self.do("ZADD", "{spool}:exhausted", f"@{at}", i)
        ask = lambda mode, host, most, passed, at_once: self.run_script(
            "undelivered", [mode, "exhausted", host, 0, most, passed, at_once])
        found = lambda answer: (answer[0], [one[0] for one in answer[1]])
        self.assertEqual(found(ask("list", "", 9, 0, 9)), (-1, ["B", "C", "A", "A", "D"]))
        self.assertEqual(found(ask("list", "example.com", 9, 0, 2)), (2, []))
        self.assertEqual(found(ask("list", "example.com", 9, 2, 2)), (4, ["A", "A"]))
        self.assertEqual(found(ask("list", "example.com", 9, 4, 2)), (-1, []))
        self.assertEqual(found(ask("list", "", 1, 0, 9)), (1, ["B"]))
        self.assertEqual(ask("redeliver", "example.com", 9, 2, 2), [3, 2])
        self.assertEqual(found(ask("list", "", 9, 0, 9)), (-1, ["B", "C", "D"]))
        self.clear()

    def test_superseded(self):
        """What failed once and has news behind it isn't tried again."""
        self.pending(2)
        self.post()
        self.run_script("posted", self.posted("retry", 9000))
        answer = self.post()
        d = self.dump()["d:A"]
        self.assertEqual((answer[1][2], d["1r"].split(" ")[0], d["head"]), (2, "superseded", "2"))

    def test_news_while_in_flight(self):
        for outcome, due in (("delivered", "@0"), ("retry", "@0"), ("later", "@9000"), ("exhausted", "@0")):
            with self.subTest(outcome=outcome):
                self.clear()
                self.pending()
                self.post()
                self.run_script("change", change({"v": 5, "n": 1}, "rendering", progress=50))
                self.check()
                self.assertEqual(self.dump()["hooks"], {"A": "@5000"})
                self.twice("posted", self.posted(outcome, 9000), 0)
                self.assertEqual(self.dump()["hooks"], {"A": due})

    def test_gone_receiver(self):
        self.pending()
        self.post()
        self.run_script("posted", self.posted("ended", status=410))
        _, changed = self.twice("change", change({"v": 5, "n": 1}, "succeeded"), ["again", 6, 0])
        self.assertNotIn("hooks", changed)
        self.assertEqual(changed["t:A"]["ttl"], "60")

    def test_task_is_gone(self):
        self.pending(1, "succeeded")
        self.do("DEL", "{spool}:t:A", "{spool}:d:A")
        self.assertEqual(self.post()[1:], [])
        self.check()

    def test_sweep(self):
        """What is due and in no set comes back; what has a lease stays with it."""
        self.pending()
        item = [1000, "", 60000, 1, "mj-1"]
        self.assertEqual(self.twice("sweep", item)[1], {})
        self.do("ZREM", "{spool}:hooks", "A")
        self.assertEqual(self.run_script("sweep", item)[1], 1)
        self.assertEqual(self.dump()["hooks"], {"A": "@0"})
        self.check()

    def test_redeliver(self):
        for state in ("delivered", "exhausted"):
            with self.subTest(state=state):
                self.clear()
                self.pending(1, "succeeded")
                self.do("HSET", "{spool}:once:A", "U1", "B")
                self.assertEqual(self.twice("redeliver", ["A", "dev", 1]), ("pending", {}))
                self.post()
                self.run_script("posted", self.posted(state))
                self.assertEqual(self.dump()["once:A"], {"U1": "B", "ttl": "60"})
                for item in (["A", "other", 1], ["A", "dev", 2], ["gone", "dev", 1]):
                    self.assertEqual(self.twice("redeliver", item), ("missing", {}))
                answer, changed = self.twice("redeliver", ["A", "dev", 1])
                self.assertEqual((answer, changed["d:A"]["redo"], changed["hooks"]), ("queued", "1", {"A": "@0"}))
                self.assertEqual(self.twice("redeliver", ["A", "dev", 1], "queued")[0], "pending")
                # Its change was made long ago, which is no news.
                for is_lost in (False, True):
                    self.assertEqual(self.post(is_lost=is_lost)[1][6], "1 rendering 0 0")
                self.twice("posted", self.posted("delivered"), 0)
                self.assertEqual(self.dump()["t:A"]["ttl"], "60")

    def test_redeliver_several(self):
        """One after the other, in the order in which they were asked for."""
        self.pending(3, "succeeded")
        for _ in range(3):
            n = self.post()[1][2]
            self.run_script("posted", self.posted("exhausted", n=n))
        answer, changed = self.twice("undelivered", ["redeliver", "exhausted", "", 0, 10, 0, 100], [-1, 0])
        d = changed["d:A"]
        self.assertEqual((answer, d["redo"], d["redos"], changed["exhausted"]), ([-1, 3], "1", "2 3", None))
        self.assertEqual(self.twice("redeliver", ["A", "dev", 3], "queued")[0], "pending")
        self.check()
        for n, left in ((1, ("2", "3")), (2, ("3", None)), (3, (None, None))):
            self.assertEqual(self.post()[1][2], n)
            self.run_script("posted", self.posted("delivered", n=n))
            d = self.dump()["d:A"]
            self.assertEqual((d.get("redo"), d.get("redos")), left)
            self.check()
        self.assertEqual(self.dump()["t:A"]["ttl"], "60")


class Others(Bench):
    def test_beat(self):
        said = {"processes": {"p worker": "@0 host 1 v 2 3"}}
        self.assertEqual(self.twice("beat", ["1", "p", "worker", "host 1 v 2 3", ""]), (1, {"workers": {"w1": "@0"}, **said}))
        said = {"processes": {"p worker": "@0 host 1 v 2 3", "p api": "@0 host 1 v 2 0"}}
        self.assertEqual(self.twice("beat", ["1", "p", "api", "host 1 v 2 0", ""])[0], 1)
        self.assertEqual(self.dump()["processes"], said["processes"])
        self.do("HSET", "{spool}:processes", "old api", "@-3700000 host 1 v 2 0")
        self.twice("beat", ["0", "p", "api", "host 1 v 2 0", ""])
        self.do("ZADD", "{spool}:workers", "@-3700000", "w0")
        answer, changed = self.twice("beat", ["0", "p", "worker", "host 1 v 2 3", ""])
        self.assertEqual((answer, changed["workers"], changed["processes"]), (1, None, None))

    def test_beat_of_trouble(self):
        """It is told for as long as it is said, or until nobody says anything."""
        troubled = ["1", "p", "worker", "host 1 v 2 3", "disk full"]
        self.assertEqual(self.twice("beat", troubled)[1]["trouble"], {"p worker": "@0 disk full"})
        (said,) = self.run_script("overview", ["mj-1"])[6]
        self.assertEqual(said.split(" ", 1)[1], "disk full")
        self.assertEqual(self.twice("beat", [*troubled[:4], ""])[1]["trouble"], None)
        self.do("HSET", "{spool}:trouble", "dead worker", "@-16000 disk full", "live worker", "@-14000 disk full")
        self.twice("beat", ["1", "p", "api", "host 1 v 2 3", ""])
        self.assertEqual(self.dump()["trouble"], {"live worker": "@-14000 disk full"})
        self.twice("beat", troubled)
        self.assertEqual(self.twice("beat", ["0", *troubled[1:]])[1]["trouble"], {"p worker": None})

    def test_mark(self):
        answer, changed = self.twice("mark", ["dev", "clip-1", "A"])
        self.assertEqual((answer, changed), (1, {"mark:dev:clip-1": {"": "A", "ttl": "60"}}))

    def test_state(self):
        self.task("A", "rendering", "four slots")
        self.do("HSET", "{spool}:acct:mj-1", "out", 1, "cool", "@5000", "tat", "@7000.5")
        self.do("ZADD", "{spool}:workers", "@0", "w1", "@-20000", "w2")
        answer, changed = self.twice("state", ["mj-1", "mj-2"])
        first = [relative(word, self.now) for word in answer[1]]
        self.assertEqual((answer[0], first, changed), (1, ["1", "@5000", "@7000", "4", "0"], {}))
        self.assertEqual(answer[2], [0, 0, 0, 0, 0])

    def test_account(self):
        self.do("HSET", "{spool}:acct:mj-1", "out", "denied", "cool", "@5000", "fails", 3, "tat", 7)
        answer, changed = self.twice("account", ["mj-1", "disable"])
        self.assertEqual((answer, changed["acct:mj-1"]["off"]), (1, "1"))
        self.assertEqual(self.run_script("state", ["mj-1"])[1][4], 1)
        answer, changed = self.twice("account", ["mj-1", "enable"])
        self.assertEqual((answer, self.dump()["acct:mj-1"]), (1, {"tat": "7"}))
        self.do("HSET", "{spool}:acct:mj-1", "out", "denied", "off", 1)
        answer, changed = self.twice("account", ["mj-1", "begin", 90000])
        self.assertEqual((answer, changed["acct:mj-1"]), (1, {"out": None, "timeout": "90000"}))

    def test_overview(self):
        self.task("A", "rendering", "four slots")
        self.do("HSET", "{spool}:acct:mj-1", "out", "denied", "cool", "@5000", "off", 1)
        new = [[id_, "dev", "midjourney/", "{}", "", LETTERS["cold"], "midjourney"] for id_ in ("T1", "T0")]
        self.run_script("submit", *new)
        self.run_script("beat", ["1", "p", "api", "host 1 v 2 3", ""])
        answer, changed = self.twice("overview", ["mj-1", "mj-2"], ANY)
        self.assertEqual(self.run_script("overview", ["mj-1", "mj-2"])[:7], answer[:7])
        lanes, later, accounts, processes, hooks, exhausted, troubles, (used, *redis) = answer
        self.assertEqual((troubles, redis[:2], redis[3]), ([], [0, 0], 0))
        self.assertGreater(used, 100000)
        self.assertEqual((lanes, later, changed), (["midjourney/", 2, "T0"], [], {}))
        self.assertEqual([relative(word, self.now) for word in accounts[0]], ["1", "denied", "@5000", "0", "4", "1"])
        self.assertEqual(accounts[1], [0, "", 0, 0, 0, 0])
        self.assertEqual((processes[0], hooks, exhausted), ("p api", [], []))

    def test_list(self):
        self.do("RPUSH", "{spool}:own:dev", *"ABCDE")
        for id_ in "ABCDE":
            self.task(id_, "queued", lane=f"midjourney/{id_}")
        newest, before = [("", 2, "ED"), ("", 9, "EDCBA")], [("D", 2, "CB"), ("B", 9, "A"), ("A", 9, "")]
        for after, count, ids in newest + before:
            self.assertEqual(self.twice("list", ["dev", after, count, ""]), (list(ids), {}))
        for after, count, ids in (("", 2, "AB"), ("", 9, "ABCDE"), ("B", 2, "CD"), ("D", 9, "E"), ("E", 9, "")):
            self.assertEqual(self.twice("list", ["dev", after, count, "1"]), (list(ids), {}))
        # One that was forgotten still says where the list is to go on.
        self.do("LREM", "{spool}:own:dev", 1, "C")
        for after, count, order, ids in (("C", 1, "", "B"), ("C", 9, "", "BA"), ("C", 1, "1", "D"), ("C", 9, "1", "DE"),
                                         ("X", 1, "", "E"), ("X", 9, "1", "")):  # fmt: skip
            self.assertEqual(self.twice("list", ["dev", after, count, order]), (list(ids), {}))

    def test_a_list_of_all_that_is_not_in_order(self):
        """Front doors store what they have accepted when they come to it: page by page all the same, and each once."""
        ids = [f"{n:05}" for n in range(2000)]
        stored = [id_ for at in range(0, 2000, 100) for id_ in reversed(ids[at : at + 100])]
        stored[1500:1500] = stored[:150]  # had been on their way for long
        del stored[:150]
        self.do("SADD", "{spool}:owners", "dev", "other")
        self.do("RPUSH", "{spool}:own:dev", *stored[::2])
        self.do("RPUSH", "{spool}:own:other", *stored[1::2])
        for count in (1, 7, 100):
            found = [""]
            while len(found) <= (300 if count < 100 else 2000):
                page = self.run_script("list", ["", found[-1], count, ""])
                self.assertLessEqual(len(page), count)
                found += page
                if not page:
                    break
            self.assertEqual(found[1:], ids[::-1][: len(found) - 1])
            self.assertGreaterEqual(len(found), 300)

    def test_clock(self):
        for word in ("", "first"):
            self.assertEqual(self.twice("clock", [word], self.NothingToDo())[1], {})
        answer, changed = self.twice("clock", ["@60000"], self.NothingToDo())
        self.assertTrue(59000 < answer[1] <= 60001, answer)
        self.assertEqual(changed["clock"][""].split(" ")[1], "@0")

    class NothingToDo:
        """An answer that it is some time, and was so before."""

        def __eq__(self, other):
            return other[1] == 0

    def test_cool_down(self):
        """Failures of one moment count once; each change notes its own once."""
        for flags, state in (("NTC", {"fails": "1", "cool": "@1000"}), ("NTO", {"out": "detail"})):
            self.clear()
            r = self.task("A", "submitting")
            _, changed = self.twice("change", change(r, "queued", flags, -1), ["again", 3, 0])
            self.assertEqual(changed["acct:mj-1"], state)
        self.clear()
        self.do("HSET", "{spool}:acct:mj-1", "fails", 3, "cool", "@-10")
        r = self.task("A", "submitting")
        _, changed = self.twice("change", change(r, "submitted", "NW", upstream="U1"), ["again", 3, 0])
        self.assertEqual(changed["acct:mj-1"], None)

    def test_progress(self):
        """At most once a second."""
        r = self.task("A", "rendering")
        self.do("HSET", "{spool}:t:A", "at", "@-100")
        self.assertEqual(self.twice("change", change(r, "rendering", "P", progress=7)), (["done", 5, 0], {}))
        self.do("HSET", "{spool}:t:A", "at", "@-2000")
        answer, changed = self.twice("change", change(r, "rendering", "P", progress=7), ["again", 6, 0])
        self.assertEqual((answer, changed["t:A"]["progress"]), (["done", 6, 0], "7"))

    def test_doubts_share(self):
        """Failed doubts never hold more than half of an account."""
        kept = 0
        for id_ in "ABCD":
            self.task(id_, "in_doubt")
        for id_ in "ABCD":
            item = [id_, *change({"v": 3, "n": 2}, "failed", watch="doubt 60000 4", code="submit_outcome_unknown")[1:]]
            _, changed = self.twice("change", item, ["again", 4, 0])
            kept += "watch" in changed[f"t:{id_}"]
        self.assertEqual((kept, self.dump()["slots:mj-1"]["?"]), (2, "2"))


class Wakes(Bench):
    """Who is told: workers of a lane or an account, dispatchers of a task."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.ears = cls.enterClassContext(resp.Resp(cls.redis.socket))
        for channel in ("wake", "ring"):
            cls.ears.call("SUBSCRIBE", f"{{spool}}:{channel}")

    def heard(self, script, item):
        """What one call says, in any order, and once each."""
        self.run_script(script, item)
        self.wire.call("PUBLISH", "{spool}:wake", "the end")
        found = set()
        while True:
            _, channel, text = self.ears.read()
            if text == "the end":
                return found
            found.add(f"{channel[len('{spool}:'):]} {text}")

    def test_wakes(self):
        submitted = ["A", "dev", "midjourney/", "{}", "", LETTERS["cold"], "midjourney"]
        wanted = (
            (None, "", "submit", submitted, {"wake midjourney/"}),
            ("queued", "hook", "cancel", ["A", "", "0", 0], {"ring A"}),
            ("submitting", "plain", "change", "queued", {"wake mj-1", "wake midjourney/"}),
            ("submitting", "no slot", "change", "queued", {"wake midjourney/"}),
            ("submitting", "follow-up", "change", "queued", {"wake mj-1", "wake @mj-1"}),
            ("rendering", "plain", "change", "archiving", {"wake mj-1"}),
            ("rendering", "hook", "change", "failed", {"wake mj-1", "ring A"}),
            ("rendering", "plain", "cancel", ["A", "", "1", 0], {"wake mj-1"}),
            ("rendering", "plain", "cancel", ["A", "", "0", 60000], {"wake "}),
            ("rendering", "plain", "hint", ["A", ""], {"wake mj-1"}),
            ("in_doubt", "plain", "hint", ["A", "U1"], {"wake mj-1"}),
            ("failed", "watched", "hold", ["A", 1, -1, "", ""], {"wake mj-1"}),
        )  # fmt: skip
        for phase, kind, script, item, heard in wanted:
            with self.subTest(phase=phase, kind=kind, script=script):
                self.clear()
                r = self.task("A", phase, kind) if phase else None
                item = change(r, item) if script == "change" else item
                self.assertEqual(self.heard(script, item), heard)

    def test_wakes_later(self):
        """What comes back by the clock, or because it was missing."""
        self.task("A", "queued", "retry")
        self.do("ZADD", "{spool}:due", "@-10", "A")
        self.assertEqual(self.heard("due", [1, 10, 30000, 5]), {"wake midjourney/"})
        self.do("ZREM", "{spool}:lane:midjourney/", "A")
        self.do("SREM", "{spool}:lanes", "midjourney/")
        self.assertEqual(self.heard("sweep", [1000, "", 60000, 1, "mj-1"]), {"wake midjourney/"})


class Checks(Bench):
    """What is wrong is found: each kind of it."""

    def test_found(self):
        wrong = {
            "a slot of nobody": ("HSET", "{spool}:slots:mj-1", "#", 9),
            "a slot that isn't counted": ("HSET", "{spool}:slots:mj-1", "#", 0),
            "a doubt that isn't there": ("HSET", "{spool}:slots:mj-1", "?", 1),
            "a slot that is missing": ("DEL", "{spool}:slots:mj-1"),
            "a task in two places": ("ZADD", "{spool}:due", 5, "Q"),
            "a task in no place": ("ZREM", "{spool}:lane:midjourney/", "Q"),
            "a task in a foreign lane": ("ZADD", "{spool}:lane:x", 1, "Q"),
            "a lane that isn't noted": ("SREM", "{spool}:lanes", "midjourney/"),
            "a lane that is empty": ("SADD", "{spool}:lanes", "x"),
            "the clock of an empty lane": ("HSET", "{spool}:vt:x", "clock", 1),
            "one that has ended in due": ("ZADD", "{spool}:due", 5, "E"),
            "one that is gone in due": ("ZADD", "{spool}:due", 5, "X"),
            "a doubt of what is queued": ("HSET", "{spool}:t:Q", "doubt", 5),
            "a watch of what runs": ("HSET", "{spool}:t:R", "watch", 5),
            "sent, and queued": ("HSET", "{spool}:t:Q", "sent", 5),
            "a lease that is missing": ("ZREM", "{spool}:due", "S"),
            "a look that is missing": ("DEL", "{spool}:look:mj-1"),
            "a look at another account": ("ZADD", "{spool}:look:mj-2", 5, "R"),
            "one that has ended is looked at": ("ZADD", "{spool}:look:mj-1", 5, "E"),
            "a hook without deliveries": ("ZADD", "{spool}:hooks", 5, "E"),
            "a delivery nobody makes": ("HSET", "{spool}:d:R", "n", 1, "1", "1 queued 0 0 5"),
            "a delivery that isn't there": ("HSET", "{spool}:d:R", "n", 0, "head", 4),
            "a row without a lane": ("ZADD", "{spool}:quick:dev", 1, "h:80"),
            "a count that is wrong": ("HINCRBY", "{spool}:waiting", "*", 1),
            "a key that is counted wrong": ("HINCRBY", "{spool}:waiting", "x", 1),
            "an event from the future": ("XADD", "{spool}:events", "*", "e", "R 99 rendering 0 0 dev"),
            "a key nobody knows": ("SET", "{spool}:what", 1),
            "a key of another type": ("SET", "{spool}:lane:x", 1),
            "one that never goes": ("PERSIST", "{spool}:t:E"),
            "one that goes too early": ("PEXPIRE", "{spool}:t:R", 5000),
            "the log of nobody": ("RPUSH", "{spool}:l:X", "x"),
            "one that awaits nobody": ("SADD", "{spool}:await:X", "Q"),
        }  # fmt: skip
        for name, words in wrong.items():
            with self.subTest(wrong=name):
                self.clear()
                self.task("Q", "queued")
                self.task("S", "submitting")
                self.task("R", "rendering", "hook")
                self.task("E", "succeeded")
                self.check()
                self.do(*words)
                self.assertNotEqual(invariants.look(self.wire), [])


if __name__ == "__main__":
    main()
