"""Midjourney, by its proxy."""
from harness.accounts import account  # noqa: F401

RELAY = {}
COUNTED = "states"
WORDS = ["[cut-unaccepted]", "[23]", "[9]", "[blink]", "[jpeg-named]"]


def accounts(sim):
    return [account(sim)]


def job(prompt, picture=None):
    return "/mj/submit/imagine", {"prompt": prompt, "state": "the client's own"}
