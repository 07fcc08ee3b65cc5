"""MiniMax: a lost submit is found by its callback, or, of the second generation, where its list shows the prompt."""
from harness import accounts as common

RELAY = {}
RELAY_CODES = {"refuse": "content_filter"}
COUNTED = "prompts"
WORDS = ["[cut-unaccepted]", "[moderation]", "[late-file]", "[file-fails]", "[busy]"]
SUBMIT = "/minimax/v1/video_generation"


def minimax_account(vendor, name="minimax-1", **fields):
    return common.account(vendor, name, provider="minimax", **fields)


account = minimax_account


def accounts(sim):
    return [account(sim)]


def job(prompt, picture=None):
    return SUBMIT, {"model": "video-01", "prompt": prompt, **({"first_frame_image": picture} if picture else {})}
