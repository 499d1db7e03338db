"""What BentoML loads for `benchmarks/servers.py`."""

import os

import bentoml
from servers import PATH, Model


@bentoml.service(workers=1)
class Served:
    """The file, as BentoML asks for it."""

    def __init__(self) -> None:
        self._model = Model(os.environ["PEER_MODEL"])

    @bentoml.api(route=PATH)
    def infer(self, inputs: list) -> dict:
        return self._model.answer({"inputs": inputs})
