"""What LitServe loads for `benchmarks/servers.py`."""

import litserve
from servers import Model


class Served(litserve.LitAPI):
    """The file, as LitServe asks for it.

    Args:
        path: The file.
        options: What LitServe takes.
    """

    def __init__(self, path: str, **options: object) -> None:
        super().__init__(**options)
        self._path = path

    def setup(self, device: str) -> None:  # noqa: ARG002 - LitServe's
        self._model = Model(self._path)

    def decode_request(self, request: dict) -> dict:
        return request

    def predict(self, body: dict) -> dict:
        return self._model.answer(body)

    def encode_response(self, output: dict) -> dict:
        return output
