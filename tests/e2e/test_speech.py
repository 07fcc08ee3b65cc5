"""Speech: the answer to a call is the sound itself."""
import unittest

from harness import Between, Family, Sim, Spool, check_artifacts, eventually, exchange, main
from vendors.openai import openai_account

SAY = "/v1/audio/speech"
TRAM = {"model": "tts-1", "input": "The first tram.", "voice": "nova"}
TYPES = {
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}


class Speech(Family):
    @classmethod
    def accounts(cls):
        return [openai_account(cls.vendor)]

    def say(self, **fields):
        """(the sound, its headers, the task as it ended)"""
        status, headers, data = self.post(SAY, {**TRAM, **fields})
        self.assertEqual(status, 200, data)
        return data, headers, self.spool.end_of(headers["x-task-id"])

    def sent(self, text):
        (asked,) = [one for one in self.vendor.at(SAY) if text.encode() in one.raw]
        return asked

    def test_formats(self):
        for name, kind in TYPES.items():
            data, headers, task = self.say(response_format=name, input=f"in {name}")
            self.assertEqual((headers["content-type"], int(headers["content-length"])), (kind, len(data)))
            self.assertEqual(check_artifacts(task, "audio"), [data])
            self.assertEqual(task["artifacts"][0]["content_type"], kind)
            self.assertTrue(task["artifacts"][0]["url"].endswith(f".{name if name != 'opus' else 'ogg'}"), task)
            self.assertEqual(self.sent(f"in {name}").body, {**TRAM, "input": f"in {name}", "response_format": name})

    def test_models(self):
        data, headers, task = self.say(model="gpt-4o-mini-tts", voice="cedar", instructions="slowly", speed=0.5)
        self.assertEqual((headers["content-type"], task["model"]), ("audio/mpeg", "gpt-4o-mini-tts"))
        self.assertEqual((data[:3], task["action"]), (b"ID3", "speech"))
        self.say(model="tts-1-hd-1106", input="an old name")
        self.assertEqual(self.sent("an old name").body["model"], "tts-1-hd")

    def test_a_type_that_tells_nothing(self):
        _, headers, _ = self.say(input="bytes [octets]", response_format="pcm")
        self.assertEqual(headers["content-type"], "audio/pcm")

    def test_a_text_that_isn_t_short(self):
        self.say(input="\u4f60" * 4096)

    def test_failures(self):
        for word, status, code in (
            ("[refuse]", 400, "content_filter"),
            ("[error-200]", 502, "vendor_failed"),
            ("[no-sound]", 502, None),
            ("[500]", 502, "submit_outcome_unknown"),
            ("[cut]", 502, "submit_outcome_unknown"),
            ("[cut-length]", 502, "submit_outcome_unknown"),
            ("[cut-chunks]", 502, "submit_outcome_unknown"),
        ):
            text = f"lost {word}"
            got, headers, answer = self.post(SAY, {**TRAM, "input": text})
            self.assertEqual((got, set(answer)), (status, {"error"}), (word, answer))
            error = self.spool.end_of(headers["x-task-id"])["error"]
            self.assertEqual(answer["error"]["code"], error["code"])
            if code is not None:
                self.assertEqual(error["code"], code, word)
            self.assertEqual(len([one for one in self.vendor.at(SAY) if text.encode() in one.raw]), 1, word)

    def test_webhooks(self):
        place = "/hook-sound"
        _, _, task = self.say(callback_url=self.receiver.url + place)
        self.receiver.wait(place)
        eventually(lambda: self.receiver.at(place)[-1].word == "succeed", what="the last word")
        told = self.receiver.at(place)[-1].body
        self.assertEqual((told["type"], told["output"]), ("audio", {"audio_url": task["artifacts"][0]["url"]}))

    def test_async(self):
        status, _, task = self.post(SAY, TRAM, Prefer="respond-async")
        self.assertEqual((status, task["object"]), (202, "task"))
        check_artifacts(self.spool.end_of(task["id"]), "audio")

    def test_wrong_input(self):
        for body, field in (
            ({"input": ""}, "input"),
            ({"input": 5}, "input"),
            ({"input": "x" * 4097}, "input"),
            ({"input": None}, "input"),
            ({"voice": ""}, "voice"),
            ({"voice": 5}, "voice"),
            ({"voice": "cedar"}, "voice"),
            ({"voice": {}}, "voice.id"),
            ({"voice": {"id": 5}}, "voice.id"),
            ({"model": ""}, "model"),
            ({"model": "gpt-image-2"}, "model"),
            ({"instructions": "slowly"}, "instructions"),
            ({"response_format": "ogg"}, "response_format"),
            ({"speed": 0.2}, "speed"),
            ({"speed": 4.1}, "speed"),
            ({"speed": "fast"}, "speed"),
            ({"stream_format": "sse"}, "stream_format"),
        ):
            status, _, answer = self.post(SAY, {**TRAM, **body}, "empty")
            self.assertEqual((status, answer["error"]["code"]), (400, "invalid_request"), (body, answer))
            self.assertTrue(answer["error"]["message"].startswith(f"{field}: "), (body, answer))
        self.assertEqual(self.look("/v1/tasks", "empty")[1]["data"], [])
        status, _, answer = self.post(SAY, {**TRAM, "model": "nobody-1"})
        self.assertEqual((status, answer["error"]["code"]), (404, "model_not_found"))
        self.assertEqual(exchange(self.spool.port, "POST", SAY, TRAM)[0], 401)


class Relay(unittest.TestCase):
    def test_through_another(self):
        sim = self.enterContext(Sim(speed=50))
        back = self.enterContext(Spool({"accounts": [openai_account(sim)]}))
        wire = self.enterContext(Between(back))
        front = self.enterContext(Spool({"accounts": [openai_account(wire, dialect="relay", api_key=back.key)]}))
        for name, kind in TYPES.items():
            status, headers, data = front.request("POST", SAY, {**TRAM, "response_format": name})
            self.assertEqual((status, headers["content-type"]), (200, kind))
            (theirs,) = check_artifacts(back.get("/v1/tasks?limit=1")["data"][0], "audio")
            self.assertEqual(data, theirs)
            self.assertEqual(wire.at(SAY)[-1].headers["idempotency-key"], headers["x-task-id"])


if __name__ == "__main__":
    main()
