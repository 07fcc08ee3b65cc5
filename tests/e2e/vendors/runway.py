"""Runway: every job has an image."""
import base64

from harness import PNG
from harness import accounts as common

RELAY = {}
RELAY_CODES = {}
COUNTED = "prompts"
WORDS = ["[moderation]", "[500]", "[busy]", "[throttled]"]
IMAGE = "data:image/png;base64," + base64.b64encode(PNG).decode()


def runway_account(vendor, name="runway-1", **fields):
    return common.account(vendor, name, provider="runway", **fields)


account = runway_account


def accounts(sim):
    return [account(sim)]


def job(prompt, picture=None):
    body = {"model": "gen4_turbo", "promptText": prompt, "promptImage": picture or IMAGE, "duration": 5, "ratio": "16:9"}
    return "/runwayml/v1/image_to_video", body
