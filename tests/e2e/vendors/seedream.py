"""Seedream, at Ark: images, each answered in the call that asks for it."""
from harness import accounts as common

IS_CALL = True
RELAY = None
COUNTED = "prompts"
WORDS = ["[cut-unaccepted]", "[500]", "[503]", "[none]", "[error-200]", "[lost]", "[cut-length]", "[cut-chunks]"]


def seedream_account(vendor, name="seedream-1", **fields):
    url = vendor if isinstance(vendor, str) else vendor.url
    return common.account(url + "/api/v3", name, provider="seedream", **fields)


account = seedream_account


def accounts(sim):
    return [account(sim)]


def job(prompt, picture=None):
    images = {} if picture is None else {"image_input": [picture]}
    return "/v1/images/generations", {"model": "doubao-seedream-4-5", "prompt": prompt, "size": "2K", **images}
