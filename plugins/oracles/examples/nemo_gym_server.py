"""NeMo Gym: a resources server. `AssayResourcesServer.run_webserver()` makes this file the app.py of one.

Shows its answers to /verify as NeMo Gym's own rollouts read them: what has no reward goes to the file of failures.
"""

from typing import Any

from assay_oracle import default_client
from assay_oracle.nemo_gym import averify
from cases import cases
from fastapi import Request
from fastapi.testclient import TestClient
from nemo_gym.base_resources_server import BaseResourcesServerConfig, BaseVerifyRequest, SimpleResourcesServer
from nemo_gym.rollout_collection import NG_FAILURE_CLASS_KEY
from nemo_gym.server_utils import ServerClient
from responses_api_agents.simple_agent.app import SimpleAgentVerifyResponse


class AssayResourcesServer(SimpleResourcesServer):
    config: BaseResourcesServerConfig

    async def verify(self, request: Request) -> dict[str, Any]:
        body = await request.json()
        BaseVerifyRequest.model_validate(body)
        return await averify(default_client(), body)


def verify_request(instance_id: str, completion: str) -> dict[str, Any]:
    text = {"type": "output_text", "text": completion, "annotations": []}
    message = {"id": "1", "type": "message", "role": "assistant", "status": "completed", "content": [text]}
    response = {
        "id": "1",
        "object": "response",
        "created_at": 0,
        "model": "scripted",
        "output": [message],
        "parallel_tool_calls": False,
        "tool_choice": "auto",
        "tools": [],
    }
    return {
        "responses_create_params": {"input": "Fix the bug."},
        "response": response,
        "instance_id": instance_id,
    }


def main() -> None:
    config = BaseResourcesServerConfig(host="127.0.0.1", port=0, name="assay", entrypoint="app.py")
    server = AssayResourcesServer.model_construct(config=config, server_client=ServerClient.model_construct())
    with TestClient(server.setup_webserver()) as client:
        assert client.post("/seed_session", json={}).status_code == 200
        for case in cases():
            answer = client.post("/verify", json=verify_request(case.instance_id, case.completion))
            assert answer.status_code == 200, answer.text
            # What the agent's server makes of it on its way to the file of rollouts.
            result = SimpleAgentVerifyResponse.model_validate(answer.json()).model_dump()
            print(
                f"{case.instance_id:20} reward {result['reward']}   failure {result.get(NG_FAILURE_CLASS_KEY)}"
            )
            assert result["mask_sample"] == (case.reward is None)
            assert (NG_FAILURE_CLASS_KEY in result) == (case.reward is None)
            assert result["reward"] == (case.reward or 0.0)
    print("nemo_gym: each answer is as it must be")


if __name__ == "__main__":
    main()
