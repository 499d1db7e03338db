"""Other servers of the same file, each as its documentation shows; `serving.py --peers FOLDER` starts them.

    PYTHON benchmarks/servers.py SERVER MODEL_FILE PORT

Each answers the Open Inference Protocol's JSON at the path of the model ``benchmark``, by LiteRT in a thread.
"""

import json
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter

NAME = "benchmark"
PATH = f"/v2/models/{NAME}/infer"


class Model:
    """A file, row by row.

    Args:
        path: The file.
    """

    def __init__(self, path: str) -> None:
        self._interpreter = Interpreter(model_path=path, num_threads=1)
        self._interpreter.allocate_tensors()
        (taken,), (made,) = self._interpreter.get_input_details(), self._interpreter.get_output_details()
        self._taken, self._made = taken["index"], made["index"]
        self._dtype = taken["dtype"]

    def predict(self, data: list, shape: list) -> np.ndarray:
        """Returns the outputs of a tensor."""
        rows = []
        for row in np.asarray(data, self._dtype).reshape(shape):
            self._interpreter.set_tensor(self._taken, row[None])
            self._interpreter.invoke()
            rows.append(self._interpreter.get_tensor(self._made))
        return np.concatenate(rows)

    def answer(self, body: dict) -> dict:
        """Returns the answer to a request."""
        (tensor,) = body["inputs"]
        y = self.predict(tensor["data"], tensor["shape"])
        output = {"name": "output", "datatype": "FP32", "shape": list(y.shape), "data": y.ravel().tolist()}
        return {"model_name": NAME, "model_version": "1", "outputs": [output]}


def fastapi(path: str, port: int) -> None:
    """FastAPI on uvicorn, with as many workers as ``WORKERS`` says."""
    import uvicorn

    os.environ["PEER_MODEL"] = path
    workers = int(os.environ.get("WORKERS", "1"))
    uvicorn.run(
        "servers:fastapi_app", factory=True, port=port, workers=workers, log_level="warning", access_log=False
    )


def fastapi_app():
    """Returns the application."""
    from fastapi import Body, FastAPI

    app, model = FastAPI(), Model(os.environ["PEER_MODEL"])

    @app.post(PATH)
    async def infer(body: dict = Body()) -> dict:  # noqa: B008 - as FastAPI has it
        return model.answer(body)

    return app


def litserve(path: str, port: int) -> None:
    """LitServe with one worker."""
    import litserve
    from servers_litserve import Served

    litserve.LitServer(Served(path, api_path=PATH), accelerator="cpu").run(
        port=port, host="127.0.0.1", log_level="warning", generate_client_file=False
    )


def kserve(path: str, port: int) -> None:
    """KServe's model server."""
    import kserve

    class Served(kserve.Model):
        def __init__(self) -> None:
            super().__init__(NAME)
            self.model, self.ready = Model(path), True

        def predict(self, payload: kserve.InferRequest, headers=None, response_headers=None):  # noqa: ARG002
            (tensor,) = payload.inputs
            y = self.model.predict(tensor.data, tensor.shape)
            output = kserve.InferOutput("output", list(y.shape), "FP32", y.ravel().tolist())
            return kserve.InferResponse(payload.id or "", NAME, [output])

    kserve.ModelServer(http_port=port, enable_grpc=False, access_log_format=None).start([Served()])


def mlserver(path: str, port: int) -> None:
    """MLServer, without the process that it would hand requests to."""
    folder = Path(tempfile.mkdtemp())
    settings = {"http_port": port, "grpc_port": 0, "metrics_port": 0, "parallel_workers": 0, "debug": False}
    (folder / "settings.json").write_text(json.dumps(settings))
    model = {"name": NAME, "implementation": "servers_mlserver.Served", "parameters": {"uri": path}}
    (folder / "model-settings.json").write_text(json.dumps(model))
    _run([str(Path(sys.executable).parent / "mlserver"), "start", str(folder)], path)


def bentoml(path: str, port: int) -> None:
    """BentoML with one worker."""
    command = [
        str(Path(sys.executable).parent / "bentoml"),
        "serve",
        "servers_bentoml:Served",
        "--port",
        str(port),
    ]
    _run(command, path)


def _run(command: list[str], path: str) -> None:
    """Becomes another program."""
    beside = str(Path(__file__).parent)
    environment = {**os.environ, "PEER_MODEL": path, "PYTHONPATH": beside, "BENTOML_DO_NOT_TRACK": "1"}
    os.execve(command[0], command, environment)


SERVERS = {server.__name__: server for server in (fastapi, litserve, kserve, mlserver, bentoml)}

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    SERVERS[sys.argv[1]](sys.argv[2], int(sys.argv[3]))
