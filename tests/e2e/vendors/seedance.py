"""Seedance, at Ark."""
from harness import accounts as common

RELAY = {}
RELAY_CODES = {"refuse": "content_filter"}
COUNTED = "prompts"
WORDS = ["[cut-unaccepted]", "[moderation]", "[expired]"]
MODELS = {
    "doubao-seedance-1-0-pro": "doubao-seedance-1-0-pro-250528",
    "doubao-seedance-1-5-pro": "doubao-seedance-1-5-pro-251215",
    "doubao-seedance-2-0": "doubao-seedance-2-0-260128",
    "doubao-video": "doubao-seedance-1-5-pro-251215",
}


def seedance_account(vendor, name="ark-1", **fields):
    url = vendor if isinstance(vendor, str) else vendor.url
    return common.account(url + "/api/v3", name, provider="seedance", **{"models": MODELS, **fields})


account = seedance_account


def accounts(sim):
    return [account(sim)]


def job(prompt, picture=None):
    content = [{"type": "text", "text": prompt}]
    return "/volc/v1/contents/generations/tasks", {"model": "doubao-seedance-1-5-pro", "content": content}
