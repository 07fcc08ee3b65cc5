"""Sora, at a relay."""
from harness import accounts as common

RELAY = {"models": {"sora-2": "sora-2"}}
RELAY_CODES = {"refuse": "content_filter"}
COUNTED = "prompts"
WORDS = ["[moderation]", "[500]"]


def sora_account(vendor, name="sora-1", **fields):
    return common.account(vendor, name, provider="sora", **{"models": {"sora-2": "sora-2"}, **fields})


account = sora_account


def accounts(sim):
    return [account(sim)]


def job(prompt, picture=None):
    return "/v1/videos", {"model": "sora-2", "prompt": prompt, "seconds": "4", "size": "1280x720"}
