"""Wan, at DashScope: a lost submit is found where its list shows the prompt, and nothing else looks the same."""
from harness import accounts as common

RELAY = {}
RELAY_CODES = {"refuse": "content_filter"}
COUNTED = "prompts"
WORDS = ["[cut-unaccepted]", "[listed] [cut]", "[moderation]", "[500]"]
SUBMIT = "/alibailian/api/v1/services/aigc/video-generation/video-synthesis"


def wan_account(vendor, name="wan-1", **fields):
    """DashScope takes 20 looks a second, however often one is asked for."""
    return common.account(vendor, name, provider="wan", **{"poll_interval_ms": 200, **fields})


account = wan_account


def accounts(sim):
    return [account(sim)]


def job(prompt, picture=None):
    model = "wan2.2-i2v-flash" if picture else "wan2.5-t2v-preview"
    given = {"prompt": prompt, "img_url": picture} if picture else {"prompt": prompt}
    return SUBMIT, {"model": model, "input": given, "parameters": {"resolution": "480P"}}
