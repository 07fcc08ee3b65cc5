"""The queue from both ends: turns, limits, slots, refusals, doubt, cancels, deadlines.

SPOOL_SLOW_TESTS=1 adds what waits for a whole minute.
"""
import collections
import concurrent.futures
import os
import re
import threading
import time
import unittest

from harness import Receiver, Redis, Sim, Spool, Vendor, account, eventually, exchange, free_port, main

IS_SLOW = bool(os.environ.get("SPOOL_SLOW_TESTS"))


def tokens(*names):
    return [{"name": name, "key": f"sk-{name}"} for name in names]


def config(vendor, names=("dev",), root=None, **fields):
    return {"tokens": tokens(*names), "accounts": [account(vendor, **fields)], **(root or {})}


def held():
    """A vendor whose jobs run until they are let go."""
    vendor = Vendor()
    vendor.is_held = True
    return vendor


def submit(spool, prompt="a lighthouse", key="dev", headers=None, **fields):
    """(status, headers, answer)"""
    all_headers = {"Authorization": f"Bearer sk-{key}", **(headers or {})}
    body = {"prompt": prompt, **fields}
    return exchange(spool.port, "POST", "/mj/submit/imagine", body, all_headers)


def cancel(spool, task):
    status, _, answer = spool.request("POST", f"/v1/tasks/{task}/cancel", b"")
    return status, answer


class Turns(unittest.TestCase):
    def fill(self, spool, count, key):
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda n: submit(spool, f"{key} {n}", key), range(count)))
        self.assertTrue(all(status == 200 and answer["code"] in (1, 22) for status, _, answer in answers))

    def test_one_task_behind_a_thousand(self):
        """The client with one task comes next or next but one, not last."""
        with held() as vendor, Spool(config(vendor, ("many", "one"), max_concurrency=1)) as spool:
            submit(spool, "first", "many")
            eventually(lambda: vendor.prompts() == ["first"], what="the first submit")
            self.fill(spool, 1000, "many")
            self.assertEqual(spool.redis("HGET", "{spool}:waiting", "many"), "1000")
            submit(spool, "the one", "one")
            vendor.is_held = False
            eventually(lambda: "the one" in vendor.prompts(), 20, "the one's turn")
            self.assertLessEqual(vendor.prompts().index("the one"), 2, vendor.prompts())
            spool.kill()  # a thousand more need not be waited for

    def test_keys_take_turns(self):
        with held() as vendor, Spool(config(vendor, ("a", "b", "c"), max_concurrency=1)) as spool:
            submit(spool, "first", "a")
            eventually(lambda: vendor.prompts() == ["first"], what="the first submit")
            for key, count in (("a", 12), ("b", 6), ("c", 6)):
                self.fill(spool, count, key)
            vendor.is_held = False
            eventually(lambda: len(vendor.prompts()) == 25, 30, "every submit")
            turns = collections.Counter(prompt[0] for prompt in vendor.prompts()[1:16])
            self.assertTrue(all(4 <= turns[key] <= 6 for key in "abc"), vendor.prompts())

    def test_first_come_first_served(self):
        with held() as vendor, Spool(config(vendor, max_concurrency=1)) as spool:
            for number in range(12):
                submit(spool, f"{number}")
            vendor.is_held = False
            eventually(lambda: len(vendor.prompts()) == 12, 20, "every submit")
            self.assertEqual(vendor.prompts(), [str(number) for number in range(12)])

    def test_follow_ups_wait_for_their_account_alone(self):
        """The parent's account is full; the other one has room and must not take it."""
        with Vendor() as first, Vendor() as second:
            accounts = [account(first, "mj-1", max_concurrency=1), account(second, "mj-2", max_concurrency=9)]
            with Spool({"accounts": accounts}) as spool:
                # The first of the list where both are idle.
                parent = spool.submit("parent")
                shown = spool.wait(parent)
                self.assertIn("/mj-1/", shown["imageUrl"])
                first.is_held = True
                blocker = spool.submit("blocker")
                eventually(lambda: "blocker" in first.prompts(), what="a full account")
                body = {"taskId": parent, "customId": shown["buttons"][0]["customId"]}
                one = spool.request("POST", "/mj/submit/action", body)[2]["result"]
                self.assertIn("/mj-2/", spool.wait(spool.submit("another"))["imageUrl"])
                time.sleep(0.3)
                self.assertEqual(spool.task(one)["phase"], "queued")
                self.assertEqual(first.at("/submit/action") + second.at("/submit/action"), [])
                first.is_held = False
                self.assertEqual(spool.wait(blocker)["status"], "SUCCESS")
                self.assertIn("/mj-1/upscale/", spool.wait(one)["imageUrl"])

    def test_never_more_than_there_are_slots(self):
        """Two processes, one account of five."""
        with Redis() as redis, Sim(speed=20) as sim:
            settings = config(sim, max_concurrency=5)
            spool = self.enterContext(Spool(settings, redis=redis))
            self.enterContext(Spool(settings, redis=redis, data_dir=spool.data_dir))
            most = collections.Counter()
            stop = threading.Event()

            def look():
                while not stop.is_set():
                    running = [job for job in sim.get("/mj/task/list") if job["status"] != "SUCCESS"]
                    most["vendor"] = max(most["vendor"], len(running))
                    most["slots"] = max(most["slots"], int(redis.cli("HGET", "{spool}:slots:mj-1", "#") or 0))

            eventually(spool.is_ready)
            watcher = threading.Thread(target=look)
            watcher.start()
            tasks = [spool.submit(f"number {number}") for number in range(60)]
            for task in tasks:
                self.assertEqual(spool.wait(task)["status"], "SUCCESS")
            stop.set()
            watcher.join()
            self.assertLessEqual(most["vendor"], 5)
            self.assertEqual(most["slots"], 5)
            self.assertTrue(all(sim.accepted(task) == 1 for task in tasks))
            self.assertEqual(redis.cli("HGET", "{spool}:slots:mj-1", "#"), "0")

    def test_requests_per_minute(self):
        with Vendor() as vendor, Spool(config(vendor, requests_per_minute=120)) as spool:
            began = time.monotonic()
            for task in [spool.submit(f"number {number}") for number in range(5)]:
                spool.wait(task)
            self.assertGreater(time.monotonic() - began, 1.9)  # every half a second


class Limits(unittest.TestCase):
    def test_the_queue_is_full(self):
        with held() as vendor, Spool(config(vendor, root={"queue_limit": 3}, max_concurrency=1)) as spool:
            first = submit(spool)[2]["result"]
            spool.wait_phase(first, "submitted", "rendering")
            codes = [submit(spool)[2]["code"] for _ in range(3)]
            self.assertTrue(set(codes) <= {1, 22}, codes)
            status, _, answer = submit(spool)
            self.assertEqual((status, answer["code"], set(answer)), (200, 23, {"code", "description"}))
            self.assertEqual(len(spool.get("/v1/tasks")["data"]), 4)
            vendor.is_held = False
            eventually(lambda: submit(spool)[2]["code"] in (1, 22), what="room in the queue")

    def test_the_key_s_share_is_full(self):
        with held() as vendor:
            settings = config(vendor, ("a", "b"), root={"queue_limit_per_key": 2}, max_concurrency=1)
            with Spool(settings) as spool:
                first = submit(spool, key="a")[2]["result"]
                eventually(lambda: len(vendor.prompts()) == 1, what="the first submit")
                self.assertTrue(first)
                codes = [submit(spool, key="a")[2]["code"] for _ in range(4)]
                self.assertEqual(codes[2:], [23, 23], codes)
                self.assertEqual(submit(spool, key="b")[2]["code"], 22)


class Idempotency(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sim = cls.enterClassContext(Sim(speed=20))
        cls.spool = cls.enterClassContext(Spool(config(cls.sim, ("dev", "other"))))

    def ask(self, name, prompt="a lighthouse", key="dev", **fields):
        return submit(self.spool, prompt, key, {"Idempotency-Key": name}, **fields)

    def test_in_parallel(self):
        for turn in range(5):
            barrier = threading.Barrier(8)

            def one(_):
                barrier.wait()
                return self.ask(f"parallel {turn}", f"number {turn}")

            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                answers = list(pool.map(one, range(8)))
            self.assertEqual({status for status, _, _ in answers}, {200})
            self.assertEqual(len({str(answer) for _, _, answer in answers}), 1, answers)
            replayed = [headers.get("idempotent-replayed") for _, headers, _ in answers]
            self.assertEqual((replayed.count(None), replayed.count("true")), (1, 7))
            task = answers[0][2]["result"]
            self.assertEqual(self.spool.wait(task)["status"], "SUCCESS")
            self.assertEqual(self.sim.accepted(task), 1)
            self.assertEqual(self.ask(f"parallel {turn}", f"number {turn}")[2], answers[0][2])

    def test_another_body(self):
        first = self.ask("body")[2]
        status, _, answer = self.ask("body", "another lighthouse")
        self.assertEqual(status, 422, answer)
        self.assertEqual(self.ask("body", state="x")[0], 422)
        self.assertEqual(self.ask("body")[2], first)

    def test_the_scope_is_a_key(self):
        first, second = self.ask("scope")[2], self.ask("scope", key="other")
        self.assertNotEqual(first["result"], second[2]["result"])
        self.assertNotIn("idempotent-replayed", second[1])
        self.assertEqual(self.ask("scope", "something else", key="other")[0], 422)

    def test_refusals_are_not_remembered(self):
        self.assertEqual(self.ask("refused", "")[0], 400)
        self.assertEqual(self.ask("refused", "better")[0], 200)

    def test_of_follow_ups(self):
        task = submit(self.spool)[2]["result"]
        buttons = self.spool.wait(task)["buttons"]
        headers = {"Authorization": "Bearer sk-dev", "Idempotency-Key": "follow"}
        body = {"taskId": task, "customId": buttons[0]["customId"]}
        answers = [exchange(self.spool.port, "POST", "/mj/submit/action", body, headers) for _ in range(2)]
        self.assertEqual(answers[0][2], answers[1][2])
        self.assertEqual(answers[1][1].get("idempotent-replayed"), "true")
        body["customId"] = buttons[1]["customId"]
        self.assertEqual(exchange(self.spool.port, "POST", "/mj/submit/action", body, headers)[0], 422)


class Refusals(unittest.TestCase):
    def test_for_now(self):
        """The vendor has no room twice; then it takes it, once."""
        words = ["[429]", "[23]", "[9]"]
        with Sim(speed=20) as sim, Spool(config(sim)) as spool:
            tasks = {word: spool.submit(f"a lighthouse {word}") for word in words}
            for word, task in tasks.items():
                self.assertEqual(spool.wait(task)["status"], "SUCCESS", word)
                self.assertEqual(sim.accepted(task), 1, word)
                events = [entry["event"] for entry in spool.timeline(task)]
                self.assertEqual(events.count("refused"), 2, (word, events))

    def test_for_good(self):
        words = {
            "[refuse]": ("content_filter", "may contain banned words"),
            "[invalid]": ("invalid_request", "the prompt is invalid"),
        }
        with Sim(speed=20) as sim, Receiver() as receiver, Spool(config(sim)) as spool:
            for word, (code, reason) in words.items():
                task = spool.submit(f"a lighthouse {word}", notifyHook=receiver.url + "/" + code)
                shown = spool.wait(task)
                self.assertEqual((shown["status"], shown["failReason"]), ("FAILURE", reason))
                self.assertEqual(spool.task(task)["error"], {"code": code, "message": reason})
                self.assertEqual(sim.accepted(task), 0)
                self.assertEqual([h.word for h in receiver.wait("/" + code)], ["FAILURE"])
                self.assertEqual(spool.redis("HEXISTS", f"{{spool}}:t:{task}", "slot"), "0")

    def test_nobody_there_then_somebody(self):
        port = free_port()
        with Spool(config(f"http://127.0.0.1:{port}", max_concurrency=2)) as spool:
            tasks = [spool.submit(f"number {number}") for number in range(4)]
            eventually(lambda: spool.metric("submits_refused_total") >= 2, what="a refused submit")
            self.assertEqual({spool.fetch(task)["status"] for task in tasks}, {"NOT_START"})
            with Sim(speed=20, port=port) as sim:
                for task in tasks:
                    self.assertEqual(spool.wait(task)["status"], "SUCCESS")
                    self.assertEqual(sim.accepted(task), 1)

    def test_a_bad_key(self):
        with Sim(speed=20) as sim:
            spool = self.enterContext(Spool(config(sim, api_key="wrong-canary")))
            waiting = spool.submit("a lighthouse")
            eventually(lambda: b"account.out" in spool.log(), what="account.out")
            status, headers, answer = eventually(
                lambda: (got := submit(spool))[0] == 503 and got, 5, "a refused submit"
            )
            self.assertEqual(spool.metric("accounts_out"), 1)
            self.assertEqual(spool.task(waiting)["waiting"]["reason"], "bad_key")
            self.assertEqual((set(answer), answer["code"]), ({"code", "description"}, 9), status)
            self.assertIn("retry-after", headers)
            self.assertEqual(spool.fetch(waiting)["status"], "NOT_START")
            self.assertNotIn(b"wrong-canary", spool.log())
            spool.stop()
            spool.config["accounts"][0]["api_key"] = "sim-secret"
            spool.start()
            self.assertEqual(spool.wait(waiting)["status"], "SUCCESS")
            self.assertEqual(sim.accepted(waiting), 1)
            self.assertEqual(spool.wait(spool.submit("another"))["status"], "SUCCESS")
            self.assertEqual(spool.metric("accounts_out"), 0)

    def test_a_bad_key_of_one_of_two(self):
        with Sim(speed=20) as sim:
            accounts = [account(sim, "mj-1", api_key="wrong"), account(sim, "mj-2")]
            with Spool({"accounts": accounts}) as spool:
                for task in [spool.submit(f"number {number}") for number in range(4)]:
                    self.assertIn("/mj-2/", spool.wait(task)["imageUrl"])


class Doubt(unittest.TestCase):
    """The submit's answer got lost."""

    FOUND = ["[cut]", "[502]", "[html]", "[empty]", "[slow-answer]"]
    UNKNOWN = ["[cut-unaccepted]", "[500]"]

    def test_table(self):
        with Sim(speed=20) as sim, Vendor() as vendor:
            spool = self.enterContext(Spool(config(sim)))
            retrying = self.enterContext(Spool(config(sim, on_unknown_submit="retry")))
            began = time.monotonic()
            unknown = {word: spool.submit(f"unknown {word}") for word in self.UNKNOWN}
            again = retrying.submit("again [500]")
            found = {word: spool.submit(f"found {word}") for word in self.FOUND}

            for word, task in found.items():
                self.assertEqual(spool.wait(task)["status"], "SUCCESS", word)
                self.assertEqual(sim.accepted(task), 1, word)
                events = [entry["event"] for entry in spool.timeline(task)]
                self.assertEqual("found" in events, word != "[slow-answer]", (word, events))
            for word, task in unknown.items():
                self.assertEqual(spool.fetch(task)["status"], "NOT_START", word)
                self.assertEqual(spool.task(task)["status"], "queued", word)
            for word, task in unknown.items():
                shown = spool.wait(task, 20)
                self.assertLess(time.monotonic() - began, 20)
                self.assertEqual(shown["status"], "FAILURE", word)
                error = spool.task(task)["error"]
                self.assertEqual(error["code"], "submit_outcome_unknown", word)
                self.assertEqual(shown["failReason"], error["message"])
                self.assertEqual(sim.accepted(task), 0, word)
                # It may have run there, but jobs take less than a second: its slot is free by now.
                self.assertEqual(spool.redis("HEXISTS", f"{{spool}}:t:{task}", "slot"), "0")
            self.assertEqual(retrying.wait(again)["status"], "SUCCESS")
            self.assertEqual(sim.accepted(again), 1)
            events = [entry["event"] for entry in retrying.timeline(again)]
            self.assertEqual(events.count("retried_unknown"), 1, events)
            self.assertEqual(vendor.asked, [])

    def test_slots(self):
        """Of jobs that may run there for all we know: as long as jobs take, and never the most of them."""
        with Sim(speed=20) as sim, Spool(config(sim, max_concurrency=4)) as spool:
            unknown = [spool.submit(f"number {number} [500]") for number in range(4)]
            for task in unknown:
                self.assertEqual(spool.wait(task, 20)["status"], "FAILURE")
            # Nothing is known of this account's jobs: a minute is usual for the vendor's.
            kept = [task for task in unknown if spool.redis("HEXISTS", f"{{spool}}:t:{task}", "slot") == "1"]
            self.assertEqual(len(kept), 2)
            for task in kept:
                self.assertEqual(spool.redis("TTL", f"{{spool}}:t:{task}"), "-1")
            self.assertEqual(spool.redis("HMGET", "{spool}:slots:mj-1", "#", "?").split(), ["2", "2"])
            self.assertEqual(spool.wait(spool.submit("a lighthouse"))["status"], "SUCCESS")

    def test_a_connection_that_served_before(self):
        """libcurl would send a submit again on its own if it were given a used connection."""
        with Sim(speed=20) as sim, Spool(config(sim)) as spool:
            for number in range(6):
                task = spool.submit(f"number {number} [cut-reused]")
                self.assertEqual(spool.wait(task)["status"], "SUCCESS")
                self.assertEqual(sim.accepted(task), 1)
                self.assertIn("submitted", [entry["event"] for entry in spool.timeline(task)])
            self.assertEqual(spool.metric("submits_in_doubt_total"), 0)

    def test_a_relay_can_t_be_searched(self):
        with Sim(speed=20) as sim, Spool(config(sim, dialect="relay")) as spool:
            task = spool.submit("a lighthouse [cut]")
            self.assertEqual(spool.wait(task, 5)["status"], "FAILURE")
            self.assertEqual(spool.task(task)["error"]["code"], "submit_outcome_unknown")
            self.assertEqual(sim.accepted(task), 1)
            self.assertRegex(spool.redis("HGET", f"{{spool}}:t:{task}", "slot"), "^1( |$)")

    def test_a_mark_that_is_there_twice_is_nobody_s(self):
        with Vendor() as vendor:
            vendor.on("/submit/imagine", lambda asked: vendor.usual(asked) and (502, {}, b"oops"))

            def listed(asked):
                jobs = [vendor.shown(job) for job in vendor.jobs]
                return 200, {}, jobs + [{**job, "id": "7"} for job in jobs]

            vendor.on("/task/list", listed)
            with Spool(config(vendor)) as spool:
                task = spool.submit("a lighthouse")
                spool.wait_phase(task, "in_doubt")
                eventually(lambda: len(vendor.at("/task/list")) >= 2, what="a second look")
                self.assertEqual(spool.task(task)["phase"], "in_doubt")
                self.assertEqual(len(vendor.at("/submit/imagine")), 1)

    def test_questions_are_asked_again(self):
        answers = [(200, {}, {"code": 1, "result": "7"}), (502, {}, b"oops")]
        with Vendor() as vendor:
            vendor.on("/image-seed", lambda asked: answers.pop())
            with Spool(config(vendor)) as spool:
                task = spool.submit("a lighthouse")
                spool.wait(task)
                self.assertEqual(spool.get(f"/mj/task/{task}/image-seed")["result"], "7")
                self.assertEqual(len(vendor.at("/image-seed")), 2)


class Cancel(unittest.TestCase):
    def test_before_it_was_submitted(self):
        with held() as vendor, Receiver() as receiver, Spool(config(vendor, max_concurrency=1)) as spool:
            first = spool.submit("first")
            spool.wait_phase(first, "rendering")
            task = spool.submit("second", notifyHook=receiver.url + "/hook")
            status, answer = cancel(spool, task)
            self.assertEqual((status, answer["cancel"]), (200, "before_submit"))
            self.assertEqual(answer["status"], "cancelled")
            self.assertEqual(spool.fetch(task)["status"], "CANCEL")
            self.assertEqual(cancel(spool, task)[0], 409)
            self.assertEqual([hook.word for hook in receiver.wait("/hook")], ["CANCEL"])
            vendor.is_held = False
            self.assertEqual(spool.wait(first)["status"], "SUCCESS")
            self.assertEqual(vendor.prompts(), ["first"])
            self.assertEqual(cancel(spool, first)[0], 409)
            self.assertEqual(spool.redis("HGET", "{spool}:waiting", "*"), "0")

    def test_while_it_runs(self):
        """Cancelled at once, but its slot is the vendor's until the job has ended there."""
        with held() as vendor, Spool(config(vendor, max_concurrency=1)) as spool:
            task, following = spool.submit("first"), spool.submit("second")
            spool.wait_phase(task, "rendering")
            status, answer = cancel(spool, task)
            self.assertEqual((status, answer["cancel"]), (200, "not_supported_may_be_billed"))
            self.assertEqual((answer["status"], answer["phase"]), ("cancelled", "cancelled"))
            shown = spool.fetch(task)
            self.assertEqual((shown["status"], shown["imageUrl"], shown["buttons"]), ("CANCEL", "", []))
            time.sleep(1.5)  # the watch has begun to look
            self.assertEqual(vendor.prompts(), ["first"])
            self.assertEqual(spool.redis("HGET", "{spool}:slots:mj-1", "#"), "1")
            vendor.is_held = False
            self.assertEqual(spool.wait(following)["status"], "SUCCESS")
            self.assertEqual(spool.fetch(task)["status"], "CANCEL")
            self.assertEqual(spool.task(task)["artifacts"], [])
            self.assertEqual(vendor.at(f"/files/{list(vendor.jobs)[0]}"), [], "the result is discarded")
            eventually(lambda: int(spool.redis("TTL", f"{{spool}}:t:{task}")) > 0, what="retention")

    def count(self, spool):
        line = r'^spool_tasks_total{provider="midjourney",status="cancelled",code=""} (\d+)$'
        found = re.search(line, spool.request("GET", "/metrics")[2].decode(), re.M)
        return 0 if found is None else int(found.group(1))

    def test_it_is_counted(self):
        with held() as vendor, Spool(config(vendor, max_concurrency=1)) as spool:
            running, waiting = spool.submit("first"), spool.submit("second")
            spool.wait_phase(running, "rendering")
            for task, count in ((waiting, 1), (running, 2)):
                self.assertEqual(cancel(spool, task)[0], 200)
                self.assertEqual(cancel(spool, task)[0], 409)
                self.assertEqual(self.count(spool), count)

    def test_while_it_is_being_submitted(self):
        gate = threading.Event()
        with held() as vendor:
            vendor.on("/submit/", lambda asked: gate.wait(20) and None)
            with Spool(config(vendor)) as spool:
                task = spool.submit("a lighthouse")
                spool.wait_phase(task, "submitting")
                eventually(lambda: vendor.prompts(), what="the submit")
                status, answer = cancel(spool, task)
                self.assertEqual((status, answer["cancel"], answer["status"]), (200, "requested", "queued"))
                gate.set()
                eventually(lambda: spool.fetch(task)["status"] == "CANCEL", what="CANCEL")
                eventually(lambda: self.count(spool) == 1, what="its count")
                self.assertRegex(spool.redis("HGET", f"{{spool}}:t:{task}", "slot"), "^1( |$)")
                vendor.is_held = False
                eventually(lambda: spool.redis("HEXISTS", f"{{spool}}:t:{task}", "slot") == "0", what="a free slot")

    def test_while_it_is_refused(self):
        gate = threading.Event()

        def refuse(asked):
            gate.wait(20)
            return 200, {}, {"code": 23, "description": "full"}

        with held() as vendor:
            vendor.on("/submit/", refuse)
            with Spool(config(vendor)) as spool:
                task = spool.submit("a lighthouse")
                eventually(lambda: vendor.prompts(), what="the submit")
                self.assertEqual(cancel(spool, task)[1]["cancel"], "requested")
                gate.set()
                eventually(lambda: spool.fetch(task)["status"] == "CANCEL", what="CANCEL")
                eventually(lambda: self.count(spool) == 1, what="its count")
                time.sleep(1.5)
                self.assertEqual(len(vendor.prompts()), 1)
                self.assertEqual(spool.redis("HEXISTS", f"{{spool}}:t:{task}", "slot"), "0")

    def test_while_it_is_in_doubt(self):
        with held() as vendor:
            vendor.on("/submit/", lambda asked: vendor.usual(asked) and (502, {}, b"oops"))
            vendor.on("/task/list", lambda asked: (200, {}, []) if vendor.is_held else None)
            with Spool(config(vendor)) as spool:
                task = spool.submit("a lighthouse")
                spool.wait_phase(task, "in_doubt")
                self.assertEqual(cancel(spool, task)[1]["cancel"], "requested")
                vendor.is_held = False
                eventually(
                    lambda: spool.fetch(task)["status"] in ("CANCEL", "SUCCESS"), 15, "an end"
                )
                self.assertEqual(len(vendor.prompts()), 1)


class Deadlines(unittest.TestCase):
    def test_too_slow(self):
        """Failed here; the slot is freed when the vendor is done."""
        with held() as vendor, Spool(config(vendor, max_concurrency=1, task_timeout_ms=1000)) as spool:
            task, following = spool.submit("first"), spool.submit("second")
            self.assertEqual(spool.wait(task)["status"], "FAILURE")
            self.assertEqual(spool.task(task)["error"]["code"], "task_timeout")
            self.assertRegex(spool.redis("HGET", f"{{spool}}:t:{task}", "slot"), "^1( |$)")
            self.assertEqual(vendor.prompts(), ["first"])
            vendor.is_held = False
            self.assertEqual(spool.wait(following)["status"], "SUCCESS")
            self.assertEqual(spool.fetch(task)["status"], "FAILURE", "its end is final")
            self.assertEqual(spool.redis("HEXISTS", f"{{spool}}:t:{task}", "slot"), "0")

    def test_never_done(self):
        """Twice its timeout later the slot is given up."""
        with held() as vendor, Spool(config(vendor, max_concurrency=1, task_timeout_ms=500)) as spool:
            task = spool.submit("first")
            self.assertEqual(spool.wait(task)["status"], "FAILURE")
            eventually(lambda: spool.redis("HEXISTS", f"{{spool}}:t:{task}", "slot") == "0", 10, "a free slot")
            eventually(lambda: int(spool.redis("TTL", f"{{spool}}:t:{task}")) > 0, 10, "retention")

    def test_never_taken(self):
        """A quota that is used up says what a rush says; the vendor's own reason ends it."""
        settings = lambda vendor: {**config(vendor), "queue_timeout_ms": 1500}
        with Vendor() as vendor, Spool(settings(vendor)) as spool:
            busy = {"code": 23, "description": "the day's quota is used up"}
            vendor.on("/submit/", lambda asked: (429, {}, busy))
            task = spool.submit("first")

            def refused():
                waiting = spool.task(task)["waiting"]
                return waiting if waiting and waiting["reason"] == "vendor_refused" else None

            waiting = eventually(refused, what="the vendor's reason")
            self.assertEqual(waiting["detail"], busy["description"])
            self.assertGreater(waiting["next_try_at"], waiting["since"])
            self.assertEqual(spool.wait(task)["status"], "FAILURE")
            self.assertIsNone(spool.task(task)["waiting"])
            error = {"code": "vendor_unavailable", "message": "the day's quota is used up"}
            self.assertEqual(spool.task(task)["error"], error)
            events = [word for word in spool.events(task) if word != "claimed"]
            self.assertEqual(events, ["accepted", "refused", "refused", "failed"])
            self.assertEqual(len(vendor.prompts()), 3)
            self.assertEqual(spool.redis("HGET", "{spool}:slots:mj-1", "#"), "0")

    def test_waiting_for_a_slot_is_no_refusal(self):
        """Longer than a job may take, then one refusal: that ends nothing."""
        with held() as vendor, Spool(config(vendor, max_concurrency=1, task_timeout_ms=1500)) as spool:
            vendor.on("/submit/", lambda asked: (429, {}, {}) if len(vendor.prompts()) == 2 else None)
            spool.submit("first")
            task = spool.submit("second")
            time.sleep(2)
            vendor.is_held = False
            self.assertEqual(spool.wait(task)["status"], "SUCCESS")
            self.assertEqual(vendor.prompts(), ["first", "second", "second"])
            self.assertEqual(spool.events(task).count("refused"), 1)

    def test_blink(self):
        with Sim(speed=20) as sim, Spool(config(sim)) as spool:
            self.assertEqual(spool.wait(spool.submit("a lighthouse [blink]"))["status"], "SUCCESS")

    @unittest.skipUnless(IS_SLOW, "waits for a minute: SPOOL_SLOW_TESTS=1")
    def test_lost(self):
        with Sim(speed=20) as sim, Spool(config(sim)) as spool:
            task = spool.submit("a lighthouse [lost]")
            self.assertEqual(spool.wait(task, 90)["status"], "FAILURE")
            self.assertEqual(spool.task(task)["error"]["code"], "upstream_lost")

    def test_bad_answers_prove_nothing(self):
        """Polls that fail, lie or make no sense: the task goes on."""
        bad = [
            (500, {}, b"oops"),
            (200, {"Content-Type": "text/html"}, b"<html>"),
            (200, {"Content-Type": "application/json"}, b"{"),
            (200, {}, {"id": "7", "status": "SUCCESS", "imageUrl": "http://127.0.0.1:1/"}),
            (200, {}, {"id": "1000000", "status": "NEW_WORD"}),
            (429, {"Retry-After": "1"}, b""),
            (401, {}, b""),
            (200, {"Content-Length": "100"}, b"[{"),
        ]
        with Vendor() as vendor:
            vendor.on("/task/", lambda asked: bad.pop() if bad else None)
            with Spool(config(vendor)) as spool:
                self.assertEqual(spool.wait(spool.submit("a lighthouse"))["status"], "SUCCESS")
            self.assertEqual(bad, [])


if __name__ == "__main__":
    main()
