"""Kling: a lost submit is always found again by our id, or proved to be absent."""
from harness import accounts as common
from harness.cases import Family

RELAY = {}
RELAY_CODES = {"refuse": "content_filter"}
COUNTED = "marks"
# No [cut-unaccepted]: such a job is sent again for ever, as it never arrives.
WORDS = ["[1303]", "[500]", "[expire-token]"]


def kling_account(vendor, name="kling-1", **fields):
    keys = {"api_key": "", "access_key": "sim-access", "secret_key": "sim-secret"}
    return common.account(vendor, name, provider="kling", **{**keys, **fields})


account = kling_account


def accounts(sim):
    return [account(sim)]


def job(prompt, picture=None):
    return "/kling/v1/videos/text2video", {"model_name": "kling-v2-6", "prompt": prompt, "duration": 5}


class KlingFamily(Family):
    @classmethod
    def accounts(cls):
        return [kling_account(cls.vendor, poll_interval_ms=50)]

    @classmethod
    def id_of(cls, answer):
        return answer["task_id"]
