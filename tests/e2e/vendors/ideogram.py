"""Ideogram: images, and words about them, each answered in the call that asks for it."""
from harness import accounts as common

IS_CALL = True
RELAY = None
COUNTED = "prompts"
WORDS = ["[cut-unaccepted]", "[500]", "[503]", "[unsafe]", "[part]", "[none]", "[error-200]", "[cut-length]", "[cut-chunks]"]


def ideogram_account(vendor, name="ideogram-1", **fields):
    return common.account(vendor, name, provider="ideogram", **fields)


account = ideogram_account


def accounts(sim):
    return [account(sim)]


def job(prompt, picture=None):
    if picture is None:
        return "/ideogram/v1/ideogram-v3/generate", {"prompt": prompt, "num_images": 2}
    return "/ideogram/v1/ideogram-v3/remix", {"prompt": prompt, "image": picture}
