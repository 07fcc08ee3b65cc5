"""What models a key may use: by the accounts that there are."""
import subprocess
import unittest

from harness import Spool, account, exchange, main, spool_binary
from vendors.kling import kling_account

NOWHERE = "http://127.0.0.1:1"
SUNO = account(NOWHERE, "suno-1", provider="suno")
SEEDANCE = {"name": "ark-1", "provider": "seedance", "base_url": NOWHERE, "api_key": "k"}


class Models(unittest.TestCase):
    def listed(self, *accounts):
        """(id, whose) of each, in order."""
        with Spool({"accounts": list(accounts)}) as spool:
            answer = spool.get("/v1/models")
            self.assertEqual(exchange(spool.port, "GET", "/v1/models")[0], 401)
            command = [spool_binary(), "-u", spool.url, "-k", spool.key, "models", "-o", "id"]
            shown = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout.split()
        self.assertEqual((set(answer), answer["success"], answer["object"]), ({"success", "object", "data"}, True, "list"))
        for model in answer["data"]:
            self.assertEqual((set(model), model["object"]), ({"id", "object", "owned_by"}, "model"))
        found = [(model["id"], model["owned_by"]) for model in answer["data"]]
        self.assertEqual([model for model, _ in found], shown)
        self.assertEqual(len({model for model, _ in found}), len(found), "each once")
        return found

    def test_the_vendors_own(self):
        found = self.listed(account(NOWHERE), kling_account(NOWHERE), SUNO, kling_account(NOWHERE, name="kling-2"))
        self.assertEqual({owner for _, owner in found}, {"kling", "suno"})
        self.assertLess({("kling-v3", "kling"), ("chirp-v4", "suno")}, set(found))

    def test_those_that_an_account_lists(self):
        kling = kling_account(NOWHERE, models={"boat": "kling-v3", "kling-v1": "kling-v1"})
        ark = {**SEEDANCE, "models": {"kite": "doubao-seedance-2-0-260128", "boat": "doubao-seedance-1-5-pro-251215"}}
        found = self.listed(kling, ark)
        self.assertEqual(set(found), {("boat", "kling"), ("kling-v1", "kling"), ("kite", "seedance")})

    def test_none(self):
        self.assertEqual(self.listed(account(NOWHERE)), [])

    def test_a_name_that_wants_escapes(self):
        name = 'a "model" \\ ü'
        self.assertEqual(self.listed({**SEEDANCE, "models": {name.replace(" ", "-"): "x"}}), [(name.replace(" ", "-"), "seedance")])


if __name__ == "__main__":
    main()
