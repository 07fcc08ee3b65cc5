"""Accounts, as a configuration has them."""


def account(vendor, name="mj-1", **fields):
    """Of a configuration; the vendor is a Sim, a Vendor, a Spool or a URL."""
    url = vendor if isinstance(vendor, str) else vendor.url
    base = {"name": name, "provider": "midjourney", "base_url": url, "api_key": "sim-secret"}
    return {**base, "poll_interval_ms": 100, "max_concurrency": 50, **fields}


def kling_account(vendor, name="kling-1", **fields):
    keys = {"api_key": "", "access_key": "sim-access", "secret_key": "sim-secret"}
    return account(vendor, name, provider="kling", **{**keys, **fields})


def suno_account(vendor, name="suno-1", **fields):
    return account(vendor, name, provider="suno", **fields)


VEO_MODELS = {
    "gemini": {"veo-3.1": "veo-3.1-generate-preview"},
    "vertex": {"veo-3.1-fast": "veo-3.1-fast-generate-001"},
}


def veo_account(vendor, dialect="gemini", key_file=None, name=None, **fields):
    """Each dialect has a model of its own, so that a test chooses by it; vertex takes Sim.key_file()."""
    own = {"dialect": dialect, "models": VEO_MODELS[dialect]}
    if key_file is not None:
        own["service_account_file"] = key_file
    return account(vendor, name or f"veo-{dialect}", provider="veo", **{**own, **fields})


SEEDANCE_MODELS = {
    "doubao-seedance-1-0-pro": "doubao-seedance-1-0-pro-250528",
    "doubao-seedance-1-5-pro": "doubao-seedance-1-5-pro-251215",
    "doubao-seedance-2-0": "doubao-seedance-2-0-260128",
    "doubao-video": "doubao-seedance-1-5-pro-251215",
}


def seedance_account(vendor, name="ark-1", **fields):
    url = vendor if isinstance(vendor, str) else vendor.url
    return account(url + "/api/v3", name, provider="seedance", **{"models": SEEDANCE_MODELS, **fields})


def accounts_of_all(sim):
    """One of each dialect that isn't a relay."""
    veo = [veo_account(sim), veo_account(sim, "vertex", sim.key_file())]
    return [account(sim), kling_account(sim), suno_account(sim), *veo, seedance_account(sim)]


def relay_accounts(spool, **fields):
    """Five accounts at another Spool."""
    common = {"dialect": "relay", "api_key": spool.key, **fields}
    names = {"midjourney": "mj-r", "kling": "kling-r", "suno": "suno-r", "veo": "veo-r", "seedance": "ark-r"}
    return [account(spool, name, provider=provider, **common) for provider, name in names.items()]
