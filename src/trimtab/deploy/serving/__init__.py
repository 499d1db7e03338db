"""The server: the champion of a model repository over HTTP, without TensorFlow.

``server`` runs ``app`` on uvicorn. A request goes from a route of ``app`` through ``tensors`` (the Open
Inference Protocol) or ``rows`` (raw inputs) to the ``batching`` of the ``model`` that ``following`` found.
"""
