"""Luma by both of its APIs: each has a model of its own here, so that a test chooses by it."""
from harness import accounts as common

RELAY = {}
RELAY_CODES = {"refuse": "content_filter"}
COUNTED = "prompts"
WORDS = ["[moderation]", "[500]"]
MODELS = {"dream_machine": {"ray-v2": "ray-2"}, "agents": {"ray-3": "ray-3.2"}}


def luma_account(vendor, dialect="dream_machine", name=None, **fields):
    own = {"dialect": dialect, "models": MODELS[dialect]}
    return common.account(vendor, name or f"luma-{dialect}", provider="luma", **{**own, **fields})


account = luma_account


def accounts(sim):
    return [account(sim), account(sim, "agents")]


def job(prompt, picture=None):
    body = {"user_prompt": prompt, "model_name": "ray-v2", "duration": "5"}
    return "/luma/generations", {**body, **({"image_url": picture} if picture else {})}
