"""What is each vendor's own: a file per vendor, found by being here.

    account(vendor, **fields)   of a configuration; the vendor is a Sim, a Vendor, a Spool or a URL
    accounts(sim)               one of each dialect that isn't a relay
    RELAY                       what an account at another Spool has beside what all have; None: it can't be at one
    RELAY_CODES                 the codes of what another Spool says by its word in a prompt, where its table knows them
    job(prompt, picture=None)   the path and the body of a submit that they take, with the link of a picture or without
    WORDS                       for prompts: what goes wrong at this vendor beside what goes wrong at all
    IS_CALL                     True where its job is a call, which is answered with the result; may be missing
    COUNTED                     by what the simulator counts its jobs: "prompts", "marks" (our ids) or "states"
"""
import importlib
import pkgutil


def all_vendors():
    """Name -> module."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return {name: importlib.import_module(f"vendors.{name}") for name in names}


def vendors_of_jobs():
    """Those that are looked at until they have ended."""
    return {name: vendor for name, vendor in all_vendors().items() if not getattr(vendor, "IS_CALL", False)}


def accounts_of_all(sim):
    """One of each dialect that isn't a relay."""
    return [account for vendor in all_vendors().values() for account in vendor.accounts(sim)]


def relay_accounts(spool, **fields):
    """One of each vendor, at another Spool."""
    common = {"base_url": spool.url, "dialect": "relay", "api_key": spool.key, "poll_interval_ms": 100, "max_concurrency": 50}
    return [
        {"name": f"{name}-r", "provider": name, **common, **vendor.RELAY, **fields}
        for name, vendor in vendors_of_jobs().items()
        if vendor.RELAY is not None
    ]


def one_of_each(word="", picture=None):
    """A submit of every vendor of jobs, with the word in its prompt."""
    return {name: vendor.job(f"a lighthouse{word}", picture) for name, vendor in vendors_of_jobs().items()}
