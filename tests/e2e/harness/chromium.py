"""A real browser without a screen: Chromium, spoken to over the pipe of its DevTools protocol."""
import base64
import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading

from harness.common import eventually
from harness.process import ROOT, running

NAMES = ("chromium-headless-shell", "chromium-shell", "chromium", "chromium-browser", "google-chrome")
KEYS = {"Enter": (13, "\r"), "Tab": (9, ""), "Escape": (27, ""), "ArrowDown": (40, ""), " ": (32, " ")}
SHIFT = 8


def chromium_binary():
    """None where there is none."""
    return next((path for path in map(shutil.which, NAMES) if path), None)


def screenshot_folder():
    folder = os.environ.get("SPOOL_SCREENSHOTS")
    if not folder:
        folder = os.path.join(os.environ.get("SPOOL_BUILD", os.path.join(ROOT, "build", "dev")), "screenshots")
    os.makedirs(folder, exist_ok=True)
    return folder


class Failure(Exception):
    pass


class Chromium:
    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="spool-chromium-")
        ours, theirs = os.pipe(), os.pipe()  # what it reads, what it writes

        def as_three_and_four():
            # Both may be 3 or 4 already: away from there first.
            reads, writes = os.dup(ours[0]), os.dup(theirs[1])
            while reads < 5:
                reads = os.dup(reads)
            while writes < 5:
                writes = os.dup(writes)
            os.dup2(reads, 3)
            os.dup2(writes, 4)

        self.process = subprocess.Popen(
            [chromium_binary(), "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
             "--disable-background-networking", "--disable-component-update", "--no-first-run", "--mute-audio",
             "--autoplay-policy=no-user-gesture-required", f"--user-data-dir={self.dir}", "--remote-debugging-pipe"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, close_fds=False,
            preexec_fn=as_three_and_four, start_new_session=True,
        )  # fmt: skip
        running.add(self)
        os.close(ours[0])
        os.close(theirs[1])
        self.to, self.fro = os.fdopen(ours[1], "wb"), os.fdopen(theirs[0], "rb")
        self.lock = threading.Condition()
        self.count = 0
        self.answers = {}
        self.pages = {}
        self.is_over = False
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        left = b""
        while piece := self.fro.read1(65536):
            *messages, left = (left + piece).split(b"\0")
            for message in map(json.loads, messages):
                self.take(message)
        with self.lock:
            self.is_over = True
            self.lock.notify_all()

    def take(self, message):
        with self.lock:
            if "id" in message:
                self.answers[message["id"]] = message
                self.lock.notify_all()
            page = self.pages.get(message.get("sessionId"))
        if page is not None and "method" in message:
            page.note(message["method"], message["params"])

    def call(self, method, session=None, timeout=60, **params):
        with self.lock:
            self.count += 1
            number = self.count
            message = {"id": number, "method": method, "params": params}
            if session is not None:
                message["sessionId"] = session
            self.to.write(json.dumps(message).encode() + b"\0")
            self.to.flush()
            if not self.lock.wait_for(lambda: number in self.answers or self.is_over, timeout) or self.is_over:
                raise Failure(f"no answer to {method}")
            answer = self.answers.pop(number)
        if "error" in answer:
            raise Failure(f"{method}: {answer['error']}")
        return answer["result"]

    def page(self, url, width=1280, height=860, before=""):
        """`before` runs in the page before its own scripts."""
        return Page(self, url, width, height, before)

    def close(self):
        """What was started may be a script that has started the browser, which has more processes."""
        try:
            self.call("Browser.close", timeout=5)
            self.process.wait(5)
        except (Failure, OSError, subprocess.TimeoutExpired):
            pass
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        running.discard(self)
        self.thread.join(5)
        self.to.close()
        self.fro.close()
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


# Every task of the browser's main thread that took long, for as long as the page is open.
LONG_TASKS = """
window.longTasks = [];
new PerformanceObserver((list) => list.getEntries().forEach((one) => longTasks.push(Math.round(one.duration))))
  .observe({ type: "longtask", buffered: true });
"""


# A promise of two frames; a page in the background draws none.
FRAME = "new Promise((done) => { setTimeout(done, 100); requestAnimationFrame(() => requestAnimationFrame(done)); })"


class Page:
    def __init__(self, browser, url, width, height, before):
        self.browser = browser
        self.complaints = []  # errors that nobody caught, and what the policy has blocked
        self.sockets = []  # the addresses of its WebSockets
        # A context of its own: neither storage nor cache is shared.
        self.context = browser.call("Target.createBrowserContext")["browserContextId"]
        target = browser.call("Target.createTarget", url="about:blank", browserContextId=self.context)["targetId"]
        self.session = browser.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        browser.pages[self.session] = self
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.size(width, height)
        self.call("Emulation.setScrollbarsHidden", hidden=True)
        self.call("Page.addScriptToEvaluateOnNewDocument", source=LONG_TASKS + before)
        self.goto(url)

    def call(self, method, **params):
        return self.browser.call(method, self.session, **params)

    def close(self):
        self.browser.pages.pop(self.session)
        self.browser.call("Target.disposeBrowserContext", browserContextId=self.context)

    def note(self, method, params):
        if method == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            self.complaints.append(details.get("exception", {}).get("description") or details["text"])
        elif method == "Network.webSocketCreated":
            self.sockets.append(params["url"])
        elif method == "Log.entryAdded" and params["entry"]["level"] == "error" and params["entry"]["source"] != "network":
            self.complaints.append(params["entry"]["text"])

    def goto(self, url):
        self.call("Page.navigate", url=url)
        self.wait("document.readyState === 'complete' && location.href !== 'about:blank'")

    def reload(self):
        self.js("window.isOld = true")
        self.call("Page.reload")
        self.wait("!window.isOld && document.readyState === 'complete'")

    def js(self, expression):
        """Its value; of a promise, what becomes of it."""
        found = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in found:
            raise Failure(f"{expression}: {found['exceptionDetails'].get('exception', {}).get('description')}")
        return found["result"].get("value")

    def wait(self, expression, timeout=20):
        def value():
            try:
                return self.js(f"(async () => Boolean({expression}))()")  # an element has no value here
            except Failure:
                return None  # the page is on its way elsewhere

        try:
            return eventually(value, timeout, expression, 0.05)
        except AssertionError as error:
            raise AssertionError(f"{error}; the page says:\n{self.text()[:3000]}\n{self.complaints}") from None

    def text(self, selector="body"):
        return self.js(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''")

    def wait_text(self, words, selector="body", timeout=20):
        self.wait(f"document.querySelector({json.dumps(selector)})?.innerText.includes({json.dumps(words)})", timeout)

    def count(self, selector):
        return self.js(f"document.querySelectorAll({json.dumps(selector)}).length")

    # What a person does: a mouse, keys.

    def click(self, selector, words=None):
        """The first such element that is shown, and has these words."""
        find = (
            f"[...document.querySelectorAll({json.dumps(selector)})].find((one) => one.checkVisibility() && !one.ariaDisabled"
            f" && (!{json.dumps(words)} || one.textContent.includes({json.dumps(words)})))"
        )
        place = (
            f"(() => {{ const one = {find}; if (!one) return null; one.scrollIntoView({{block: 'center', behavior: 'instant'}});"
            " const box = one.getBoundingClientRect(), x = box.x + box.width / 2, y = box.y + box.height / 2;"
            " return one.contains(document.elementFromPoint(x, y)) ? [x, y] : null; })()"
        )
        # A dialog that has just closed covers it until the next frame, and a page that is being drawn moves it.
        self.wait(f"{place} && {place}.join() === (await {FRAME}, {place})?.join()")
        x, y = self.js(place)
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def type(self, text):
        self.call("Input.insertText", text=text)

    def press(self, key, shift=False):
        code, text = KEYS[key]
        common = {"key": key, "code": key, "windowsVirtualKeyCode": code, "modifiers": SHIFT if shift else 0}
        self.call("Input.dispatchKeyEvent", type="keyDown", **common, **({"text": text} if text else {}))
        self.call("Input.dispatchKeyEvent", type="keyUp", **common)

    def fill(self, selector, text):
        self.wait(f"document.querySelector({json.dumps(selector)})")
        self.js(f"(() => {{ const one = document.querySelector({json.dumps(selector)}); one.focus(); one.select(); }})()")
        self.type(text)

    def choose(self, selector, value):
        self.js(
            f"(() => {{ const one = document.querySelector({json.dumps(selector)}); one.value = {json.dumps(value)};"
            " one.dispatchEvent(new Event('change', {bubbles: true})); one.dispatchEvent(new Event('input', {bubbles: true})); })()"
        )

    # How it looks.

    def size(self, width, height):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 500)

    def scheme(self, name):
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}])

    def screenshot(self, name, is_whole=True):
        if is_whole:
            self.js("scrollTo({top: 0, behavior: 'instant'})")
        shot = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=is_whole)
        with open(os.path.join(screenshot_folder(), f"{name}.png"), "wb") as file:
            file.write(base64.b64decode(shot["data"]))

    def overflows(self):
        """Whether one must scroll sideways."""
        return self.js("document.documentElement.scrollWidth > document.documentElement.clientWidth")

    def long_tasks(self, over_ms):
        return self.js(f"longTasks.filter((ms) => ms > {over_ms})")
