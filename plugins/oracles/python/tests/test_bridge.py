import json
import os
import re
import subprocess
import sys
import threading
import unittest
import urllib.error
import urllib.request
from typing import Any

from assay_oracle import Client
from assay_oracle.bridge import FRAMEWORKS, serve
from tests.fake_service import FakeService

DIFF = "```diff\ndiff --git a/a b/a\n```\n"


class BridgeTest(unittest.TestCase):
    framework = ""

    def setUp(self):
        service = FakeService().__enter__()
        self.addCleanup(service.__exit__)
        client = Client(service.url, retries=0)
        server = serve(client, FRAMEWORKS[self.framework], ("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)

    def post(self, path: str, body: Any) -> tuple[int, Any, Any]:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request) as response:
                return response.status, json.load(response), response.headers
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error), error.headers


class OpenRlhfBridgeTest(BridgeTest):
    framework = "openrlhf"

    def ask(self, label: Any, prompt: str = "Fix it.", response: str = DIFF) -> tuple[int, Any, Any]:
        return self.post(
            "/get_reward", {"query": [prompt + response], "prompts": [prompt], "labels": [label]}
        )

    def test_gives_rewards_in_its_form(self):
        self.assertEqual(self.ask("resolved")[:2], (200, {"rewards": [1.0], "scores": [1.0]}))
        self.assertEqual(self.ask("unresolved")[:2], (200, {"rewards": [0.0], "scores": [0.0]}))

    def test_what_has_no_reward_is_503_with_retry_after_and_never_0(self):
        for play in ("infra", "ours", "reset", "garbage", "unknown"):
            with self.assertLogs("assay_oracle"):
                status, body, headers = self.ask(play)
            self.assertEqual((status, headers["Retry-After"]), (503, "5"), play)
            self.assertNotIn("rewards", body)

    def test_a_patch_in_the_prompt_is_not_the_models(self):
        self.assertEqual(
            self.ask("resolved", prompt=f"Like this:\n{DIFF}", response="I can't")[1]["rewards"], [0.0]
        )

    def test_finds_the_response_where_the_prompt_lost_its_beginning(self):
        prompt = "x" * 500 + f"Like this:\n{DIFF}" + "y" * 80
        body = {"query": [prompt[450:] + "I can't"], "prompts": [prompt], "labels": ["resolved"]}
        self.assertEqual(self.post("/", body)[1]["rewards"], [0.0])

    def test_a_request_of_another_form_is_400(self):
        self.assertEqual(self.ask(7)[0], 400)
        for body in (b"", b"no json", b"[]", {"query": ["a"]}, {"query": ["a"], "prompts": [], "labels": []}):
            self.assertEqual(self.post("/", body)[0], 400, body)
        status, body, _headers = self.post("/", {"query": ["a"], "prompts": ["b"], "labels": ["resolved"]})
        self.assertEqual(status, 400)
        self.assertIn("where the response starts", body["error"]["message"])


class SlimeBridgeTest(BridgeTest):
    framework = "slime"

    def test_gives_a_number(self):
        body = {"prompt": "Fix it.", "response": DIFF, "label": "resolved"}
        self.assertEqual(self.post("/rm", body)[:2], (200, 1.0))

    def test_what_has_no_reward_is_503(self):
        with self.assertLogs("assay_oracle"):
            self.assertEqual(self.post("/rm", {"prompt": "", "response": DIFF, "label": "infra"})[0], 503)

    def test_a_label_that_is_no_text_is_400(self):
        self.assertEqual(self.post("/rm", {"prompt": "", "response": DIFF, "label": None})[0], 400)


class NemoGymBridgeTest(BridgeTest):
    framework = "nemo_gym"

    def ask(self, **row: Any) -> tuple[int, Any, Any]:
        message = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": DIFF}]}
        output = [
            {"type": "reasoning", "summary": []},
            message,
            {"type": "function_call_output", "output": "ok"},
        ]
        return self.post(
            "/verify", {"responses_create_params": {"input": "?"}, "response": {"output": output}, **row}
        )

    def test_returns_the_request_with_its_reward(self):
        status, body, _headers = self.ask(instance_id="resolved")
        self.assertEqual((status, body["reward"], body["mask_sample"]), (200, 1.0, False))
        self.assertEqual(body["responses_create_params"], {"input": "?"})
        self.assertNotIn("_ng_failure_class", body)

    def test_takes_the_instance_from_the_metadata_too(self):
        self.assertEqual(self.ask(verifier_metadata={"instance_id": "unresolved"})[1]["reward"], 0.0)

    def test_what_has_no_reward_is_masked_and_has_a_failure_class(self):
        with self.assertLogs("assay_oracle"):
            infra, ours = self.ask(instance_id="infra")[1], self.ask(instance_id="ours")[1]
        self.assertEqual((infra["mask_sample"], ours["mask_sample"]), (True, True))
        self.assertEqual((infra["_ng_failure_class"], infra["_ng_failure_terminal"]), ("assay_infra", False))
        self.assertEqual((ours["_ng_failure_class"], ours["_ng_failure_terminal"]), ("assay_ours", True))

    def test_sessions_start_empty(self):
        self.assertEqual(self.post("/seed_session", {})[:2], (200, {}))

    def test_a_request_of_another_form_or_path_is_refused(self):
        self.assertEqual(self.ask()[0], 400)
        self.assertEqual(self.post("/verify", {"instance_id": "resolved"})[0], 400)
        self.assertEqual(self.post("/run", {})[0], 404)


class OpenEnvBridgeTest(BridgeTest):
    framework = "openenv"

    def step(self, **action: Any) -> Any:
        return self.post("/step", {"action": action})[1]

    def test_an_episode_is_one_step(self):
        reset = self.post("/reset", {"instance_id": "resolved"})[1]
        self.assertEqual(reset, {"observation": {"instance_id": "resolved"}, "reward": None, "done": False})
        step = self.step(instance_id="resolved", patch="diff --git a/a b/a\n")
        self.assertEqual(
            (step["reward"], step["done"], step["observation"]["outcome"]), (1.0, True, "resolved")
        )
        self.assertEqual(self.step(instance_id="resolved", completion="no patch")["reward"], 0.0)

    def test_what_has_no_reward_has_null(self):
        with self.assertLogs("assay_oracle"):
            step = self.step(instance_id="infra", completion=DIFF)
        self.assertEqual((step["reward"], step["done"]), (None, True))
        self.assertEqual(step["observation"]["failure"]["blame"], "infra")

    def test_says_that_it_is_healthy(self):
        with urllib.request.urlopen(f"{self.url}/health") as response:
            self.assertEqual(json.load(response), {"status": "healthy"})

    def test_an_action_without_an_instance_is_400(self):
        self.assertEqual(self.post("/step", {"action": {"completion": DIFF}})[0], 400)
        self.assertEqual(self.post("/step", {})[0], 400)


class BridgeCommandTest(unittest.TestCase):
    def test_serves_the_framework_that_it_is_told(self):
        service = FakeService().__enter__()
        self.addCleanup(service.__exit__)
        command = ["-m", "assay_oracle.bridge", "--framework", "slime", "--url", service.url, "--port", "0"]
        environment = {**os.environ, "ASSAY_TOKEN": "secret"}
        with subprocess.Popen(
            [sys.executable, *command], stdout=subprocess.PIPE, text=True, env=environment
        ) as bridge:
            try:
                url = re.search(r"http://127\.0\.0\.1:\d+", bridge.stdout.readline()).group()
                body = json.dumps({"response": DIFF, "label": "resolved"}).encode()
                with urllib.request.urlopen(urllib.request.Request(url, body)) as response:
                    self.assertEqual(json.load(response), 1.0)
            finally:
                bridge.terminate()
        self.assertEqual(service.tokens, ["Bearer secret"])


del BridgeTest

if __name__ == "__main__":
    unittest.main()
