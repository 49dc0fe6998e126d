"""OpenEnv: its own server around our environment, asked by its own client over a WebSocket.

Shows that an episode without a reward is done with the reward null.
"""

import socket
import threading
import time

import uvicorn
from assay_oracle.openenv import AssayAction, AssayEnvironment, AssayObservation
from cases import cases
from openenv.core import GenericEnvClient
from openenv.core.env_server.http_server import create_app

app = create_app(AssayEnvironment, AssayAction, AssayObservation, env_name="assay", max_concurrent_envs=8)

with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="critical"))
threading.Thread(target=server.run, daemon=True).start()
while not server.started:
    time.sleep(0.05)

with GenericEnvClient(base_url=f"http://127.0.0.1:{port}").sync() as env:
    for case in cases():
        start = env.reset(instance_id=case.instance_id)
        assert start.reward is None and not start.done
        end = env.step({"completion": case.completion})
        print(f"{case.instance_id:20} reward {end.reward}   outcome {end.observation['outcome']}")
        assert end.done and end.reward == case.reward
        assert (end.observation["failure"] is None) == (case.reward is not None)
print("openenv: each episode ended as it must")
