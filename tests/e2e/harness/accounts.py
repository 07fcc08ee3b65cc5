"""Accounts, as a configuration has them; vendors/ has each vendor's."""


def account(vendor, name="mj-1", **fields):
    """The vendor is a Sim, a Vendor, a Spool or a URL."""
    url = vendor if isinstance(vendor, str) else vendor.url
    base = {"name": name, "provider": "midjourney", "base_url": url, "api_key": "sim-secret"}
    return {**base, "poll_interval_ms": 100, "max_concurrency": 50, **fields}
