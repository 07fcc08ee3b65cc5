"""Ideogram: images, and words about them, each answered in the call that asks for it, or by its newer API as a job."""
from harness import accounts as common

IS_CALL = True
RELAY = None
COUNTED = "prompts"
WORDS = ["[cut-unaccepted]", "[500]", "[503]", "[unsafe]", "[part]", "[none]", "[error-200]", "[cut-length]", "[cut-chunks]", "[early]"]


def ideogram_account(vendor, name="ideogram-1", **fields):
    return common.account(vendor, name, provider="ideogram", **fields)


def v2_account(vendor, name="ideogram-v2", **fields):
    """Its keys are where its jobs are."""
    url = vendor if isinstance(vendor, str) else vendor.url
    return ideogram_account(vendor, name, **{"dialect": "v2", "webhook_keys_url": f"{url}/v1/.well-known/jwks.json", **fields})


account = ideogram_account


def accounts(sim):
    return [account(sim), v2_account(sim)]


def job(prompt, picture=None):
    if picture is None:
        return "/ideogram/v1/ideogram-v3/generate", {"prompt": prompt, "num_images": 2}
    return "/ideogram/v1/ideogram-v3/remix", {"prompt": prompt, "image": picture}
