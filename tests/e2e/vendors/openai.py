"""OpenAI: images and speech, each answered in the call that asks for it."""
from harness import accounts as common

IS_CALL = True
RELAY = None
COUNTED = "prompts"
WORDS = ["[cut-unaccepted]", "[500]", "[503]", "[none]", "[error-200]", "[cut-length]", "[cut-chunks]"]


def openai_account(vendor, name="openai-1", **fields):
    return common.account(vendor, name, provider="openai", **fields)


account = openai_account


def accounts(sim):
    return [account(sim)]


def job(prompt, picture=None):
    if picture is None:
        return "/v1/images/generations", {"model": "gpt-image-2", "prompt": prompt, "quality": "low"}
    return "/v1/images/edits", {"model": "gpt-image-2", "prompt": prompt, "image": picture}
