"""Jimeng, at Volcengine: what is lost stays unknown, for it has neither a list nor a mark of ours."""
from harness import accounts as common

RELAY = {}
RELAY_CODES = {"refuse": "content_filter"}
COUNTED = "prompts"
WORDS = ["[cut-unaccepted]", "[moderation]", "[expired]", "[busy]"]


def jimeng_account(vendor, name="jimeng-1", **fields):
    keys = {"api_key": "", "access_key": "sim-access", "secret_key": "sim-secret"}
    return common.account(vendor, name, provider="jimeng", **{**keys, **fields})


account = jimeng_account


def accounts(sim):
    return [account(sim)]


def job(prompt, picture=None):
    body = {"model": "jimeng-video-3.0", "prompt": prompt, "duration": 5}
    return "/jimeng/submit/videos", {**body, **({"image_url": picture} if picture else {})}
