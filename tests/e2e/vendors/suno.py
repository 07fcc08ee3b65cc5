"""Suno, at the only kind of gateway that it has."""
from harness import accounts as common

RELAY = {}
COUNTED = "prompts"
WORDS = ["[cut-unaccepted]", "[mixed]", "[no-cover]"]


def suno_account(vendor, name="suno-1", **fields):
    return common.account(vendor, name, provider="suno", **fields)


account = suno_account


def accounts(sim):
    return [account(sim)]


def job(prompt, picture=None):
    return "/suno/submit/music", {"gpt_description_prompt": prompt, "mv": "chirp-v4"}
