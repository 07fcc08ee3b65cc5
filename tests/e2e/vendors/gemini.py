"""Google's images by both of its APIs: each has a model of its own here, so that a test chooses by it."""
from harness import accounts as common

IS_CALL = True
RELAY = None
COUNTED = "prompts"
WORDS = ["[cut-unaccepted]", "[500]", "[503]", "[block]", "[moderation]", "[text]", "[thoughts]", "[cut-length]", "[cut-chunks]"]
MODELS = {
    "gemini": {"nano-banana-2": "gemini-3.1-flash-image"},
    "vertex": {"nano-banana-pro": "gemini-3-pro-image"},
}


def gemini_account(vendor, dialect="gemini", key_file=None, name=None, **fields):
    """vertex takes Sim.key_file()."""
    own = {"dialect": dialect, "models": MODELS.get(dialect, {})}
    if key_file is not None:
        own["service_account_file"] = key_file
    return common.account(vendor, name or f"gemini-{dialect}", provider="gemini", **{**own, **fields})


account = gemini_account


def accounts(sim):
    return [account(sim), account(sim, "vertex", sim.key_file())]


def native(*parts, config=None):
    """A body: a str is a text, anything else a part as it is."""
    parts = [{"text": part} if isinstance(part, str) else part for part in parts]
    return {"contents": [{"role": "user", "parts": parts}], "generationConfig": {"responseModalities": ["IMAGE"], **(config or {})}}


def job(prompt, picture=None):
    if picture is None:
        return "/v1beta/models/nano-banana-2:generateContent", native(prompt)
    return "/v1/images/generations", {"model": "nano-banana-pro", "prompt": prompt, "image_input": [picture]}
