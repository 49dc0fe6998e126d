"""verifiers: its own agent runs a task to its end, with a harness and a model endpoint that give a scripted completion.

Shows that a trace without a reward has an error in its place, which prime-rl leaves out before it groups.
"""

import asyncio
import json
import os
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import verifiers.v1 as vf
from assay_oracle.verifiers import AssayTask
from cases import cases

CASES = cases()


class Model(BaseHTTPRequestHandler):
    """An OpenAI-compatible endpoint that knows one answer to each prompt."""

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        content = CASES[int(request["messages"][-1]["content"])].completion
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": content}}
        usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
        answer = {"id": "1", "object": "chat.completion", "created": 0, "model": "scripted"}
        raw = json.dumps({**answer, "choices": [choice], "usage": usage}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_args):
        """Quiet."""


class OneTurn(vf.Harness[vf.HarnessConfig]):
    """The least harness: it asks the model once, through the framework's own interception."""

    EXECUTES_CODE = False
    NEEDS_CONTAINER = False

    async def launch(self, ctx, trace, runtime, endpoint, secret, mcp_urls, data, tool_interception_url=None):
        body = json.dumps({"model": ctx.model, "messages": [{"role": "user", "content": data.prompt}]})
        headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"{endpoint}/chat/completions", body.encode(), headers)
        await asyncio.to_thread(lambda: urllib.request.urlopen(request).read())
        return vf.ProgramResult(exit_code=0, stdout="", stderr="")


class Fixes(vf.Taskset[AssayTask]):
    def load(self):
        for i, case in enumerate(CASES):
            yield AssayTask(vf.TaskData(id=case.instance_id, prompt=str(i)))


async def main(url: str) -> None:
    client = vf.EvalClientConfig(base_url=f"{url}/v1", api_key_var="SCRIPTED_KEY")
    config = vf.AgentConfig(
        model="scripted", client=client, harness={"id": "null"}, runtime={"type": "subprocess"}
    )
    agent = vf.Agent(config)
    agent.harness = OneTurn(agent.config.harness)
    for case, task in zip(CASES, Fixes(vf.TasksetConfig(id="fixes"))):
        trace = await agent.run(task)
        error = trace.last_error.type if trace.last_error else "-"
        print(f"{case.instance_id:20} rewards {trace.rewards}   error {error}")
        if case.reward is None:
            assert (
                trace.has_error
                and not trace.ok
                and error == "SandboxError"
                and trace.rewards == {"assay": None}
            )
        else:
            assert not trace.has_error and trace.ok and trace.rewards["assay"].score == case.reward
    print("verifiers: each rollout ended as it must")


os.environ["SCRIPTED_KEY"] = "none"
server = ThreadingHTTPServer(("127.0.0.1", 0), Model)
threading.Thread(target=server.serve_forever, daemon=True).start()
asyncio.run(main(f"http://127.0.0.1:{server.server_address[1]}"))
