"""The page at /: as it is served, and as a real browser shows it."""
import json
import os
import re
import signal
import time
import unittest

from harness import Receiver, Redis, Sim, Spool, Vendor, account, eventually, exchange, free_port, main
from vendors import accounts_of_all
from harness.chromium import Chromium, chromium_binary

OPERATOR = {"name": "op", "key": "sk-op", "admin": True}
TOKENS = [{"name": "dev", "key": "sk-dev"}, {"name": "other", "key": "sk-other"}, OPERATOR]
EVIL = "<img src=x onerror=\"window.pwned=1\"><script>window.pwned=1</script>"
SECRETS = ("s3cr3t-key", "s3cr3t-user", "s3cr3t-query", "s3cr3t-bearer", "s3cr3t-sig")


def is_task(text):
    return re.fullmatch(r"task_[0-9A-Z]{26}", text or "")


class Served(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.spool = cls.enterClassContext(Spool({"tokens": TOKENS}))

    def get(self, path="/", method="GET", **headers):
        return exchange(self.spool.port, method, path, None, {name.replace("_", "-"): value for name, value in headers.items()})

    def test_the_files(self):
        """Each that is named is there, with its type and the same headers; there is nothing inline."""
        status, headers, page = self.get()
        self.assertEqual((status, headers["content-type"]), (200, "text/html; charset=utf-8"))
        page = page.decode()
        self.assertIsNone(re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son\w+=|https?://|javascript:", page), page)
        wanted = set(re.findall(r'(?:src|href)="(page/[^"]+)"', page))
        seen = set()
        while wanted - seen:
            path = (wanted - seen).pop()
            seen.add(path)
            status, headers, text = self.get(f"/{path}")
            self.assertEqual(status, 200, path)
            kind = {"js": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8", "svg": "image/svg+xml"}
            self.assertEqual(headers["content-type"], kind[path.rsplit(".", 1)[1]])
            self.assert_headers(headers)
            if path.endswith(".js"):
                text = text.decode()
                wanted |= {f"page/{name}" for name in re.findall(r'from "\./([^"]+)"', text)}
                self.assertIsNone(re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|localStorage", text))
        self.assertGreater(len(seen), 12)

    def assert_headers(self, headers):
        policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
        for name in ("default-src", "base-uri", "form-action", "frame-ancestors"):
            self.assertEqual(policy[name], "'none'")
        for name in ("script-src", "style-src", "connect-src"):
            self.assertEqual(policy[name], "'self'")
        for name in ("img-src", "media-src"):
            self.assertEqual(policy[name], f"'self' {self.spool.url}")
        self.assertEqual(
            [headers[name] for name in ("cache-control", "x-content-type-options", "referrer-policy", "x-frame-options")],
            ["no-cache", "nosniff", "no-referrer", "DENY"],
        )

    def test_it_is_known_already(self):
        for path in ("/", "/page/main.js"):
            status, headers, body = self.get(path)
            etag = headers["etag"]
            self.assertRegex(etag, r'^"[0-9a-f]{32}"$')
            self.assert_headers(headers)
            for known in (etag, f'"other", {etag}', "*"):
                status, again, body = self.get(path, If_None_Match=known)
                self.assertEqual((status, body, again["etag"]), (304, b"", etag))
                self.assert_headers(again)
            self.assertEqual(self.get(path, If_None_Match='"other"')[0], 200)
        self.assertNotEqual(self.get("/page/main.js")[1]["etag"], self.get("/page/dom.js")[1]["etag"])

    def test_methods(self):
        status, headers, body = self.get("/", "HEAD")
        self.assertEqual((status, body, int(headers["content-length"])), (200, b"", len(self.get()[2])))
        for path in ("/", "/page/main.js"):
            for method in ("POST", "PUT", "DELETE"):
                status, headers, _ = exchange(self.spool.port, method, path)
                self.assertEqual((status, headers["allow"]), (405, "GET, HEAD"), (method, path))

    def test_what_is_not_there(self):
        for path in ("/page/x", "/page/", "/page", "/page/main.js/", "/page/MAIN.JS", "/page/a/b.js", "/index.html", "/page/%00",
                     "/page/..%2fmain.js", "/page/" + "a" * 300):  # fmt: skip
            status, headers, body = self.get(path)
            self.assertIn(status, (400, 404), path)
            self.assertIn("error", body, path)

    def test_a_hostile_origin(self):
        status, headers, _ = self.get("/", Origin="https://evil.example")
        self.assertEqual([name for name in headers if name.startswith("access-control")], [])
        asked = {
            "Authorization": "Bearer sk-dev", "Connection": "Upgrade", "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        }  # fmt: skip
        for origin, wanted in ((self.spool.url, 101), ("https://evil.example", 403), ("null", 403)):
            self.assertEqual(exchange(self.spool.port, "GET", "/v1/events", None, {**asked, "Origin": origin}, 5)[0], wanted)

    def test_the_request_of_a_task(self):
        body = {
            "prompt": "a key, a token & a secret", "state": "mine", "seed": 7,
            "notifyHook": "http://127.0.0.1:9/hook?token=s3cr3t-query&plain=s3cr3t-query#s3cr3t-query",
            "base64Array": ["data:image/png;base64," + "QUJD" * 400],
            "metadata": {"api_key": "s3cr3t-key", "deep": [{"X-Auth-Token": ["s3cr3t-key"]}], "note": "Bearer s3cr3t-bearer",
                         "link": "https://s3cr3t-user:pw@b.example/a.png?w=1&X-Amz-Signature=s3cr3t-sig", "monkeys": "stay"},
        }  # fmt: skip
        status, _, answer = self.spool.request("POST", "/mj/submit/imagine", body)
        self.assertEqual(status, 200, answer)
        path = f"/v1/tasks/{answer['result']}/request"
        shown = self.spool.get(path)
        self.assertEqual((shown["object"], shown["family"], shown["path"]), ("request", "midjourney", "/mj/submit/imagine"))
        text = json.dumps(shown["body"])
        for secret in SECRETS:
            self.assertNotIn(secret, text)
        self.assertEqual([shown["body"][name] for name in ("prompt", "state", "seed")], [body["prompt"], "mine", 7])
        self.assertEqual(shown["body"]["notifyHook"], "http://127.0.0.1:9/hook?token=***&plain=***#***")
        self.assertEqual(shown["body"]["metadata"]["link"], "https://***@b.example/a.png?w=1&X-Amz-Signature=***")
        self.assertEqual(shown["body"]["metadata"]["monkeys"], "stay")
        self.assertLess(len(shown["body"]["base64Array"][0]), 100)
        self.assertEqual(exchange(self.spool.port, "GET", path, None, {"Authorization": "Bearer sk-other"})[0], 404)
        self.assertEqual(exchange(self.spool.port, "GET", path)[0], 401)
        self.assertEqual(exchange(self.spool.port, "GET", path, None, {"Authorization": "Bearer sk-op"})[2], shown)

    def test_where_the_files_are(self):
        """The policy lets in the bucket's host, or what is before it, and nothing else."""
        s3 = {"url": "s3://b/p", "endpoint": "http://127.0.0.1:9", "access_key": "a", "secret_key": "s"}
        for storage, wanted in ((s3, "http://127.0.0.1:9"), ({**s3, "public_base": "https://cdn.example/x"}, "https://cdn.example")):
            with Spool({"storage": storage}) as spool:
                policy = exchange(spool.port, "GET", "/")[1]["content-security-policy"]
                self.assertIn(f"img-src 'self' {wanted}; media-src 'self' {wanted};", policy)


@unittest.skipIf(chromium_binary() is None, "there is no Chromium: apt-get install chromium-headless-shell")
class Browser(unittest.TestCase):
    """Each test has a page of its own, and must not make the browser complain."""

    speed = 20
    settings = {}

    @classmethod
    def setUpClass(cls):
        cls.browser = cls.enterClassContext(Chromium())

    def setUp(self):
        self.pages = []

    def tearDown(self):
        for page in self.pages:
            self.assertEqual(page.complaints, [])

    def start(self, config=None, **options):
        sim = self.enterContext(Sim(speed=self.speed))
        settings = {"tokens": TOKENS, "accounts": [account(sim)], "webhook": {"retry_delays_ms": [50], "allow_private_networks": True}}
        return self.enterContext(Spool({**settings, **(config or {})}, **options))

    def open(self, spool, key="sk-op", at="", port=None, **options):
        page = self.browser.page(f"http://127.0.0.1:{port or spool.port}/{at}", **options)
        self.pages.append(page)
        self.give(page, key)
        page.wait("document.querySelector('#main h1, #main h2')")
        return page

    def give(self, page, key):
        page.wait("document.getElementById('ask').open")
        page.fill("#ask-key", key)
        page.press("Enter")
        page.wait("!document.getElementById('ask').open")

    def go(self, page, view):
        page.js(f"location.hash = '#/{view}'")
        page.wait(f"document.body.dataset.view === '{re.split('[/?]', view)[0]}'")


class Work(Browser):
    def test_from_the_form_to_the_picture(self):
        """Submit, watch to the end, see the image; then the task's own view; send its webhook again."""
        with Receiver() as receiver:
            spool = self.start()
            page = self.open(spool, at="#/try")
            page.wait("document.querySelectorAll('#way option').length > 10")
            page.choose("#way", "/mj/submit/imagine")
            page.fill("#field-prompt", "a lighthouse at dusk")
            page.js("document.querySelector('.fields details').open = true")
            page.fill("#field-notifyHook", f"{receiver.url}/hook")
            page.wait_text("a lighthouse at dusk", ".command")
            self.assertIn("$SPOOL_KEY", page.text(".command"))
            self.assertNotIn("sk-op", page.js("document.documentElement.outerHTML"))
            page.click("main button", "Submit")
            page.wait("document.querySelector('.watched img')?.naturalWidth > 1")
            page.wait_text("succeeded", ".watched")
            page.screenshot("try")
            task = page.text(".watched .id")
            self.assertTrue(is_task(task), task)
            page.click(".watched a code")
            page.wait("document.querySelector('.part-files img')?.naturalWidth > 1")
            shown = exchange(spool.port, "GET", f"/v1/tasks/{task}", None, {"Authorization": "Bearer sk-op"})[2]
            artifact = shown["artifacts"][0]
            page.wait_text(artifact["sha256"][:20], ".part-files")
            self.assertEqual(page.js("document.querySelector('.part-files .sum').textContent"), artifact["sha256"])
            page.wait_text("a lighthouse at dusk", ".part-request")
            self.assertEqual(page.count(".part-stages .bar.vendor"), 1)
            widths = page.js("[...document.querySelectorAll('.part-stages .bar')].map((bar) => bar.getBoundingClientRect().width)")
            self.assertTrue(len(widths) >= 4 and all(width > 0 for width in widths), widths)
            before = len(receiver.at("/hook"))
            page.wait("document.querySelectorAll('.part-deliveries tbody button').length > 0")
            page.click(".part-deliveries tbody tr:last-child button")
            receiver.wait("/hook", before + 1)
            page.screenshot("task")
            # It watches with a token that is good for nothing else.
            self.assertEqual(len(page.sockets), 1)
            token = re.search(r"/v1/events\?access_token=(.+)$", page.sockets[0]).group(1)
            self.assertEqual(exchange(spool.port, "GET", "/v1/tasks", None, {"Authorization": f"Bearer {token}"})[0], 401)
            # The same with a key; the focus stays.
            self.assertEqual(page.js("document.activeElement.textContent"), "Send again")
            page.press("Enter")
            receiver.wait("/hook", before + 2)
            time.sleep(0.5)
            self.assertRegex(page.js("document.activeElement.getAttribute('aria-label')") or "", r"^Send webhook \d+ again$")
            self.assertEqual(page.long_tasks(100), [])

    def test_cancel(self):
        vendor = self.enterContext(Vendor())
        vendor.is_held = True
        spool = self.start({"accounts": [account(vendor)]})
        task = spool.submit("never ends")
        spool.wait_phase(task, "rendering")
        page = self.open(spool, "sk-dev", f"#/task/{task}")
        page.click(".part-todo button", "Cancel")
        page.wait("document.getElementById('sure').open")
        page.press("Escape")
        self.assertEqual(spool.task(task)["status"], "in_progress")
        page.click(".part-todo button", "Cancel")
        page.click("#sure-yes")
        page.wait_text("cancelled", ".part-head")
        self.assertEqual(spool.task(task)["status"], "cancelled")
        self.assertEqual(page.count(".part-todo button"), 0)

    def test_resolve(self):
        vendor = self.enterContext(Vendor())
        lost = [True]
        vendor.on("/files/", lambda _: (404, {}, b"") if lost[0] else None)
        spool = self.start({"accounts": [account(vendor)]})
        task = spool.submit("its file is gone")
        self.assertEqual(spool.end_of(task, 60)["error"]["code"], "archive_failed")
        page = self.open(spool, at=f"#/task/{task}")
        page.wait_text("archive_failed", ".part-head")
        lost[0] = False
        page.click(".resolve button", "Fetch its files again")
        page.wait_text("succeeded", ".part-head", 40)
        self.assertEqual(page.count(".resolve"), 0)

    def test_accounts(self):
        spool = self.start()
        page = self.open(spool, at="#/accounts")
        page.click("[data-account=mj-1] button", "Test")
        page.wait_text("It works", "[data-account=mj-1] .tested")
        page.click("[data-account=mj-1] button", "Disable")
        page.click("#sure-yes")
        page.wait_text("disabled", "[data-account=mj-1] .pill")
        state = lambda: exchange(spool.port, "GET", "/admin/v1/accounts", None, {"Authorization": "Bearer sk-op"})[2]["data"][0]["state"]
        self.assertEqual(state(), "disabled")
        page.screenshot("accounts")
        self.go(page, "now")
        page.wait_text("Account mj-1 is disabled", "#trouble")
        page.wait_text("Every account is out or disabled", "#trouble")
        page.screenshot("trouble")
        page.click("#trouble button", "Enable")
        page.wait("document.querySelector('#trouble').innerText === ''")
        self.assertEqual(state(), "ok")

    def test_webhooks(self):
        port = free_port()
        spool = self.start()
        tasks = [spool.submit("to nobody", notifyHook=f"http://127.0.0.1:{port}/hook") for _ in range(3)]
        for task in tasks:
            spool.end_of(task)
        asked = {"Authorization": "Bearer sk-op"}
        given_up = lambda: exchange(spool.port, "GET", "/admin/v1/deliveries?status=exhausted", None, asked)[2]["data"]
        eventually(lambda: len({one["task"] for one in given_up()}) == 3, 30)
        page = self.open(spool)
        page.wait_text(f"127.0.0.1:{port}", "#trouble")
        page.click("#trouble a", "Show")
        page.wait_text(tasks[0], "main")
        page.screenshot("webhooks")
        with Receiver(port) as receiver:
            count = len(given_up())
            page.click("main section:first-child button", "Send again")
            receiver.wait("/hook", count)
            page.wait_text("No webhook waits, and none was given up", "main")

    def test_whose_tasks(self):
        spool = self.start()
        mine = spool.submit("mine")
        theirs = exchange(spool.port, "POST", "/mj/submit/imagine", {"prompt": "theirs"}, {"Authorization": "Bearer sk-other"})[2]["result"]
        page = self.open(spool, "sk-dev", "#/tasks")
        page.wait_text(mine, ".tasks")
        self.assertNotIn(theirs, page.text())
        self.assertEqual(page.js("[...document.querySelectorAll('#views a')].filter((a) => a.checkVisibility()).map((a) => a.textContent)"),
                         ["Now", "Tasks", "Try it"])  # fmt: skip
        self.go(page, "accounts")
        page.wait_text('needs "admin": true', "main")
        self.go(page, f"task/{theirs}")
        page.wait_text("There is no such task", "main")
        self.go(page, "now")
        page.wait_text("succeeded", ".legend")
        page = self.open(spool, "sk-op", "#/tasks")
        page.wait_text(theirs, ".tasks")
        self.assertIn(mine, page.text(".tasks"))
        self.assertIn("other", page.text(".tasks"))
        # Another key, by choice; or not.
        page.click("#key")
        page.wait("document.getElementById('ask').open")
        page.press("Escape")
        page.wait("!document.getElementById('ask').open")
        self.assertIn(mine, page.text(".tasks"))
        page.click("#key")
        self.give(page, "sk-other")
        page.wait(f"document.querySelectorAll('.tasks tbody tr').length === 1 && document.querySelector('[data-id={theirs}]')")
        newer = exchange(spool.port, "POST", "/mj/submit/imagine", {"prompt": "theirs"}, {"Authorization": "Bearer sk-other"})[2]["result"]
        spool.submit("not for them")
        page.wait(f"document.querySelector('[data-id={newer}] [data-status=succeeded]')")
        self.assertEqual(page.count(".tasks tbody tr"), 2)

    def test_the_operators_listener(self):
        port = free_port()
        spool = self.start({"admin_listen": f"127.0.0.1:{port}"})
        task = spool.submit("seen on both")
        page = self.open(spool)
        page.wait_text("operators' listener only", "main")
        self.assertEqual(page.js("document.querySelector('#views [data-operator]').checkVisibility()"), False)
        self.go(page, "accounts")
        page.wait_text("admin_listen", "main")
        page = self.open(spool, port=port)
        page.wait_text("Processes", "main")
        page.wait("document.getElementById('live').textContent === 'live'")
        self.go(page, f"task/{task}")
        page.wait("document.querySelector('.part-files img')?.naturalWidth > 1")

    def test_a_page_that_is_not_there(self):
        spool = self.start()
        page = self.open(spool, at="#/nothing/at/all")
        for hash in ("#/nothing", "#/now/more", "#/task/", "#/task/a/b", "#/__proto__", "#/constructor", "#/%E0%A4%A", "#/<b>"):
            page.js(f"location.hash = {json.dumps(hash)}")
            page.wait_text("There is no such view", "main")
        self.go(page, "task/task_0")
        page.wait_text("There is no such task", "main")

    def test_filters_and_paging(self):
        spool = self.start()
        tasks = [spool.submit(f"number {i}") for i in range(30)]
        for task in tasks:
            spool.end_of(task)
        page = self.open(spool, at="#/tasks?rows=25")
        page.wait("document.querySelectorAll('.tasks tbody tr').length === 25")
        page.click("main a.button", "Older")
        page.wait("document.querySelectorAll('.tasks tbody tr').length === 5")
        self.assertEqual(page.js("[...document.querySelectorAll('.tasks tbody .id')].map((id) => id.textContent)"), tasks[4::-1])
        spool.submit("newer ones don't come here")
        page.click("main a.button", "Newest")
        page.wait("document.querySelectorAll('.tasks tbody tr').length === 25")
        page.choose("select[name=status]", "failed")
        page.wait_text("No tasks here.")
        page.choose("select[name=status]", "succeeded")
        page.wait("document.querySelectorAll('.tasks tbody tr').length === 25")
        page.wait("[...document.querySelectorAll('select[name=provider] option')].length > 1")
        page.choose("select[name=provider]", "midjourney")
        page.wait("location.hash.includes('provider=midjourney')")
        page.fill("input[name=key]", "other")
        page.press("Enter")
        page.wait_text("No tasks here.")


class Many(Browser):
    def test_a_thousand_that_change(self):
        """No task of the browser's takes over 100 ms, while each row changes several times.

        That is time as a clock has it, and others may run on the same processors: one quiet round of six is enough.
        """
        long = []
        for _ in range(6):
            long.append(self.round())
            if long[-1] == []:
                return
        self.fail(f"tasks of the browser's took so many ms, in six rounds: {long}")

    def round(self):
        config = {"tokens": TOKENS, "log_level": "warn"}
        with Sim(speed=4) as sim, Spool({**config, "accounts": [account(sim, max_concurrency=300)]}) as spool:
            page = self.open(spool, at="#/tasks?rows=1000")
            page.js("window.writes = 0; new MutationObserver((all) => window.writes += all.length)"
                    ".observe(document.querySelector('.tasks'), {subtree: true, childList: true, characterData: true, attributes: true})")  # fmt: skip
            tasks = [spool.submit(f"one of many, {i}") for i in range(1000)]
            page.wait("document.querySelectorAll('.tasks tbody tr').length === 1000", 60)
            for y in range(0, 50000, 5000):
                page.js(f"scrollTo(0, {y})")
                time.sleep(0.05)
            page.wait("document.querySelectorAll('.tasks [data-status=succeeded]').length === 1000", 120)
            ids = page.js("[...document.querySelectorAll('.tasks tbody .id')].map((id) => id.textContent)")
            self.assertEqual(ids, sorted(tasks, reverse=True))
            self.assertGreater(page.js("window.writes"), 5000)
            long = page.long_tasks(100)
            page.screenshot("thousand", is_whole=False)
            page.reload()  # all at once
            page.wait("document.querySelectorAll('.tasks tbody tr').length === 1000", 60)
            time.sleep(0.5)
            long += page.long_tasks(100)
            self.assertEqual(page.complaints, [])
            page.close()
            return long


class Wrong(Browser):
    def test_a_key_that_is_wrong(self):
        spool = self.start()
        page = self.browser.page(spool.url + "/")
        self.pages.append(page)
        page.wait("document.getElementById('ask').open")
        for _ in range(3):  # without a key there is nothing to see
            page.press("Escape")
            page.wait("document.getElementById('ask').open")
        for key in ("sk-wrong", "sk-ü wrong\u2028", "sk-wrong"):
            page.js("document.getElementById('ask-why').textContent = ''")
            page.fill("#ask-key", key)
            page.press("Enter")
            page.wait_text("isn't taken", "#ask")
        self.give(page, "sk-op")
        page.wait_text("Processes", "main")
        page.reload()  # it is kept in the tab, and nowhere else
        page.wait_text("Processes", "main")
        self.assertEqual(page.js("[localStorage.length, document.cookie]"), [0, ""])

    def test_a_key_that_ends(self):
        """What was typed is still there when another key has been given."""
        spool = self.start()
        page = self.open(spool, "sk-dev", "#/try")
        page.wait("document.querySelectorAll('#way option').length > 10")
        page.choose("#way", "/mj/submit/imagine")
        page.fill("#field-prompt", "typed before the key ended")
        spool.config["tokens"] = [OPERATOR]
        with open(os.path.join(spool.dir, "spool.json"), "w", encoding="utf-8") as file:
            json.dump(spool.config, file)
        spool.process.send_signal(signal.SIGHUP)
        eventually(lambda: b"config.reloaded" in spool.log(), timeout=20, what="the reload")
        # Not by the mouse: where the page's own socket asked first, the dialog is before the button.
        page.js("[...document.querySelectorAll('main button')].find((one) => one.textContent.includes('Submit')).click()")
        page.wait_text("isn't taken", "#ask")
        page.screenshot("key-again", is_whole=False)
        self.give(page, "sk-op")
        page.wait("document.querySelector('.watched img')?.naturalWidth > 1")
        self.assertEqual(page.js("document.querySelector('#field-prompt').value"), "typed before the key ended")
        page.wait("document.querySelector('#views [data-operator]').checkVisibility()")

    def test_redis_goes_away(self):
        redis = self.enterContext(Redis())
        spool = self.start(redis=redis)
        eventually(spool.is_ready)
        page = self.open(spool, at="#/tasks")
        page.wait("document.getElementById('live').textContent === 'live'")
        redis.kill()
        page.wait_text("Redis doesn't answer", "#trouble")
        page.screenshot("no-redis")
        redis.start()
        page.wait("document.querySelector('#trouble').innerText === ''", 40)
        task = spool.submit("after Redis is back")
        page.wait_text(task, ".tasks")
        page.wait(f"document.querySelector('[data-id={task}] [data-status=succeeded]')")

    def test_the_workers_go_away(self):
        redis = self.enterContext(Redis())
        spool = self.start(redis=redis, roles=["api"])
        eventually(spool.is_ready)
        page = self.open(spool, at="#/tasks")
        page.wait_text("Nobody works", "#trouble")
        page.wait_text("spool serve --roles worker", "#trouble")
        task = spool.submit("waits for a worker")
        page.wait_text(task, ".tasks")
        with Spool(spool.config | {"roles": ["worker", "webhook"]}, redis=redis, data_dir=spool.data_dir):
            page.wait("document.querySelector('#trouble').innerText === ''", 40)
            page.wait(f"document.querySelector('[data-id={task}] [data-status=succeeded]')")
        page.wait_text("Nobody works", "#trouble", 60)

    def test_spool_goes_away(self):
        spool = self.start()
        page = self.open(spool, at="#/tasks")
        page.wait("document.getElementById('live').textContent === 'live'")
        first = spool.submit("before")
        page.wait(f"document.querySelector('[data-id={first}] [data-status=succeeded]')")
        spool.kill()
        page.wait_text("Spool can't be reached", "#trouble")
        page.wait("document.getElementById('live').textContent === 'connecting'")
        self.assertIn(first, page.text(".tasks"))
        spool.start()
        second = spool.submit("while the page was away")
        page.wait("document.querySelector('#trouble').innerText === ''", 40)
        page.wait(f"document.querySelector('[data-id={second}] [data-status=succeeded]')", 40)
        page.wait("document.getElementById('live').textContent === 'live'")

    def test_a_task_that_is_forgotten(self):
        sim = self.enterContext(Sim(speed=20))
        spool = self.start({"accounts": accounts_of_all(sim)})
        status, _, answer = spool.request("POST", "/v1/videos", {"model": "kling-v2-6", "prompt": "soon gone"})
        self.assertEqual(status, 200, answer)
        task = answer["id"]
        spool.end_of(task)
        page = self.open(spool, "sk-dev", f"#/task/{task}")
        page.wait_text("soon gone", ".part-request")
        self.assertEqual(spool.request("DELETE", f"/v1/videos/{task}")[0], 200)
        page.wait_text("has just been forgotten", "main")
        self.assertIn("soon gone", page.text(".part-request"))
        page.reload()
        page.wait_text("There is no such task", "main")

    def test_markup_is_text(self):
        vendor = self.enterContext(Vendor())
        vendor.on("/submit/imagine", lambda asked: (200, {}, {"code": 24, "description": f"banned {EVIL}"})
                  if "refuse" in asked.body["prompt"] else None)  # fmt: skip
        spool = self.start({"accounts": [account(vendor)]})
        good, bad = spool.submit(f"a prompt {EVIL}", state=EVIL), spool.submit(f"refuse {EVIL}")
        spool.end_of(good)
        self.assertEqual(spool.end_of(bad)["status"], "failed")
        page = self.open(spool, at="#/tasks")
        page.wait_text(f"banned {EVIL}"[:60], ".tasks")
        for task, words, place in ((good, f"a prompt {EVIL[:20]}", ".part-request"), (bad, f"banned {EVIL}", ".part-head")):
            self.go(page, f"task/{task}")
            page.wait_text(words.split('"')[0], place)
        self.go(page, "try?path=/mj/submit/imagine")
        page.wait("document.querySelector('#field-prompt')")
        page.fill("#field-prompt", EVIL)
        page.click("main button", "Submit")
        page.wait_text("task_", ".answer")
        self.go(page, "tasks?status=" + "%3Cscript%3E&key=%22%3E%3Cimg%20src%3Dx%3E")
        time.sleep(0.5)
        self.assertIsNone(page.js("window.pwned"))
        self.assertEqual(page.count("img[src=x], main script"), 0)

    def test_links_that_are_no_links(self):
        """A task's file may be at any address that its vendor has named."""
        spool = self.start()
        page = self.open(spool, at="#/now")
        found = page.js("""import('./page/files.js').then(({ fileView }) => ["javascript:alert(1)", "data:text/html,x", "//evil", "https://evil.example/a.png"]
          .map((url) => [...fileView({ kind: "image", url }, 0).querySelectorAll("a")].map((a) => a.getAttribute("href"))))""")
        self.assertEqual(found[:3], [[], [], []])
        self.assertEqual(set(found[3]), {"https://evil.example/a.png"})
        # And it isn't asked for what we don't archive.
        self.assertIn("Content Security Policy", page.complaints.pop())


class Looks(Browser):
    speed = 6
    VIEWS = ("now", "tasks", "webhooks", "accounts", "try")

    def full(self):
        """Something of everything."""
        sim, receiver = self.enterContext(Sim(speed=self.speed)), self.enterContext(Receiver())
        vendor = self.enterContext(Vendor())
        vendor.on("/submit/imagine", lambda asked: (200, {}, {"code": 24, "description": "a banned word: \"gore\" in the prompt"})
                  if "banned" in asked.body["prompt"] else None)  # fmt: skip
        accounts = [*accounts_of_all(sim), account(vendor, "mj-spare", weight=1, max_concurrency=4)]
        spool = self.start({"accounts": accounts})
        song = spool.request("POST", "/suno/submit/music", {"gpt_description_prompt": "a sea shanty", "mv": "chirp-v4"})[2]
        spool.request("POST", "/kling/v1/videos/text2video", {"model_name": "kling-v2-6", "prompt": "a paper boat", "duration": "5"})
        tasks = [spool.submit(f"a lighthouse, {i}", notifyHook=f"{receiver.url}/hook") for i in range(8)]
        tasks += [spool.submit("a banned thing", notifyHook=f"http://127.0.0.1:{free_port()}/hook") for _ in range(4)]
        for task in tasks:
            spool.end_of(task)
        spool.submit("still runs")
        exchange(spool.port, "POST", "/admin/v1/accounts/veo-vertex/disable", None, {"Authorization": "Bearer sk-op"})
        return spool, next(value for value in (song.get("result"), song.get("data")) if value)

    def test_every_view(self):
        """At 375 px nothing is beside the screen; dark is dark; pictures of all are kept to be looked at."""
        spool, song = self.full()
        page = self.open(spool)
        page.wait_text("given up", "#trouble")
        ground = {}
        for look, scheme, width in (("desktop", "light", 1280), ("dark", "dark", 1280), ("narrow", "light", 375), ("narrow-dark", "dark", 375)):
            page.scheme(scheme)
            page.size(width, 860)
            ground[scheme] = page.js("getComputedStyle(document.documentElement).backgroundColor")
            for view in (*self.VIEWS, f"task/{song}"):
                self.go(page, view)
                page.wait("document.querySelector('#main .panel, #main .tasks tbody tr, #main .part-files figure')")
                time.sleep(0.4)
                self.assertFalse(page.overflows(), (look, view))
                page.screenshot(f"{look}-{view.split('/')[0]}")
        self.assertEqual((ground["light"], ground["dark"]), ("rgb(246, 247, 249)", "rgb(15, 19, 25)"))
        self.assertEqual(page.long_tasks(100), [])

    def test_with_the_keyboard_alone(self):
        spool = self.start()
        task = spool.submit("found with keys")
        spool.end_of(task)
        page = self.browser.page(spool.url + "/")
        self.pages.append(page)
        page.wait("document.activeElement.id === 'ask-key'")
        page.type("sk-op")
        page.press("Enter")
        page.wait_text("Processes", "main")
        focused = lambda: page.js("(document.activeElement.innerText || document.activeElement.id || document.activeElement.name || '').trim()")

        def tab_to(words, most=40):
            for _ in range(most):
                page.press("Tab")
                if words in focused():
                    style = page.js("(() => { const style = getComputedStyle(document.activeElement); return style.outlineStyle + style.outlineWidth; })()")
                    self.assertEqual(style, "solid2px", words)
                    return
            self.fail(f"no way to {words} with Tab; at {focused()}")

        page.js("document.activeElement.blur()")
        tab_to("Skip to the content", 3)
        tab_to("Tasks")
        page.press("Enter")
        page.wait_text(task, ".tasks")
        self.assertEqual(page.js("document.activeElement.id"), "main")
        tab_to("midjourney imagine")
        page.press("Enter")
        page.wait("document.querySelector('.part-files img')")
        tab_to("Copy as curl")
        page.press("Enter")
        page.wait("/Copied|Selected/.test(document.getElementById('said').textContent)")
        # Everything that can be pressed has a name.
        for view in self.VIEWS:
            self.go(page, view)
            time.sleep(0.3)
            nameless = page.js("[...document.querySelectorAll('a, button, input, select, textarea')].filter((one) => one.checkVisibility() &&"
                               " !(one.innerText || one.getAttribute('aria-label') || one.labels?.length)).map((one) => one.outerHTML)")  # fmt: skip
            self.assertEqual(nameless, [], view)


if __name__ == "__main__":
    main()
