"""What MLServer loads for `benchmarks/servers.py`."""

from mlserver import MLModel
from mlserver.types import InferenceRequest, InferenceResponse, ResponseOutput
from servers import NAME, Model


class Served(MLModel):
    """The file, as MLServer asks for it."""

    async def load(self) -> bool:
        self._model = Model(self.settings.parameters.uri)
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        (tensor,) = payload.inputs
        y = self._model.predict(list(tensor.data), tensor.shape)
        output = ResponseOutput(name="output", shape=list(y.shape), datatype="FP32", data=y.ravel().tolist())
        return InferenceResponse(model_name=NAME, outputs=[output])
