"""Qwen's images, at DashScope: a model that answers in the call; others make tasks."""
from harness import accounts as common

IS_CALL = True
RELAY = None
COUNTED = "prompts"
WORDS = ["[cut-unaccepted]", "[500]", "[503]", "[none]", "[error-200]", "[cut-length]", "[cut-chunks]"]


def qwen_account(vendor, name="qwen-1", **fields):
    """DashScope takes 20 looks a second, however often one is asked for."""
    return common.account(vendor, name, provider="qwen", **{"poll_interval_ms": 200, **fields})


account = qwen_account


def accounts(sim):
    return [account(sim)]


def job(prompt, picture=None):
    if picture is None:
        return "/v1/images/generations", {"model": "qwen-image-max", "prompt": prompt, "size": "1024x1024"}
    return "/v1/images/edits", {"model": "qwen-image-2.0", "prompt": prompt, "image": picture}
