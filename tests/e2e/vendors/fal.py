"""fal's queue: its models are what an account lists, and its webhooks are signed."""
from harness import accounts as common

RELAY = {"models": {name: name for name in ("fal-ai/kling-video/v2/master", "fal-ai/kling-video/v1.6/pro/image-to-video")}}
RELAY_CODES = {"refuse": "content_filter"}
COUNTED = "prompts"
WORDS = ["[cut-unaccepted]", "[moderation]", "[500]"]
CREATE = "/v1/video/create"
TEXT, PICTURE = RELAY["models"]
# What clients call a model -> fal's endpoint.
MODELS = {
    TEXT: TEXT + "/text-to-video",
    PICTURE: PICTURE,
    "fal-ai/minimax/hailuo-02": "fal-ai/minimax/hailuo-02/standard/image-to-video",
    "fal-ai/luma-dream-machine/ray-2": "fal-ai/luma-dream-machine/ray-2",
    "fal-ai/veo3/fast": "fal-ai/veo3/fast",
    "fal-ai/wan": "fal-ai/wan/v2.2-a14b/text-to-video",
    "lighthouse": "fal-ai/lighthouse-video",
    "fal-ai/unknown": "fal-ai/unknown",
}
NANO, FLUX, KONTEXT = "fal-ai/nano-banana", "fal-ai/flux/dev", "fal-ai/flux-pro/kontext"
IMAGES = {name: name for name in (NANO, f"{NANO}/edit", "fal-ai/nano-banana-pro", FLUX, KONTEXT, "fal-ai/gpt-image-1.5", "fal-ai/birefnet")}


def fal_account(vendor, name="fal-1", **fields):
    """Its keys are where its jobs are, unless `webhook_keys_url` says otherwise."""
    url = vendor if isinstance(vendor, str) else vendor.url
    fields = {"models": {**MODELS, **IMAGES}, "webhook_keys_url": f"{url}/.well-known/jwks.json", **fields}
    return common.account(vendor, name, provider="fal", **{k: v for k, v in fields.items() if v is not None})


account = fal_account


def accounts(sim):
    return [account(sim)]


def job(prompt, picture=None):
    body = {"model": PICTURE, "prompt": prompt, "images": [picture]} if picture else {"model": TEXT, "prompt": prompt}
    return CREATE, {**body, "duration": 5}
