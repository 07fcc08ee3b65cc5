"""Veo by both of Google's APIs: each has a model of its own here, so that a test chooses by it."""
from harness import accounts as common

RELAY = {}
COUNTED = "prompts"
WORDS = ["[cut-unaccepted]", "[filtered]", "[401-once]"]
MODELS = {
    "gemini": {"veo-3.1": "veo-3.1-generate-preview"},
    "vertex": {"veo-3.1-fast": "veo-3.1-fast-generate-001"},
}


def veo_account(vendor, dialect="gemini", key_file=None, name=None, **fields):
    """vertex takes Sim.key_file()."""
    own = {"dialect": dialect, "models": MODELS[dialect]}
    if key_file is not None:
        own["service_account_file"] = key_file
    return common.account(vendor, name or f"veo-{dialect}", provider="veo", **{**own, **fields})


account = veo_account


def accounts(sim):
    return [account(sim), account(sim, "vertex", sim.key_file())]


def job(prompt, picture=None):
    """Those with a picture are vertex', and those whose token is refused: of a key that would be for ever."""
    model = "veo-3.1" if picture is None and "[401" not in prompt else "veo-3.1-fast"
    return "/v1/video/create", {"model": model, "prompt": prompt, **({"images": [picture]} if picture else {})}
