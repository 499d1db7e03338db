"""What the server costs: requests/s and p99 of `trimtab serve` beside a minimal server of the same libraries.

    python benchmarks/serving.py runs/deployed/digits [--rounds 40] [--seconds 0.5] [--connections 16]
        [--swaps 5] [--rows 1] [--peers FOLDER] [--threads]

The minimal server is what Starlette's documentation shows: an application with one route, which reads the
JSON, asks the bare LiteRT interpreter and answers with JSON, on uvicorn with the same settings, event loop
and parser. It has no queue, no checks, no metrics, no log. `unrouted` is the same without Starlette's routes
and middleware. All run at the same time and take turns at being asked, by another process that sends the same
body of the Open Inference Protocol over kept-alive connections. `--peers` names a folder with an environment
for each other server that is to be asked too (`fastapi`, `litserve`, `kserve`, `mlserver`, `bentoml`: see
servers.py); FastAPI is asked with two workers, and this server with two processes, as well. `--threads` asks
this server twice more: `trimtab_handed` hands every row to a thread, and to `trimtab_noisy` a row seemed to
take 5 ms when its model was loaded. Turns are short, as other work on the machine comes and goes. A ratio is
the median over the turns; the CPU time that each server took per request is given beside it. Then the
champion changes again and again under load: no request may fail. It exits with 1 when the ratio to the
minimal server is under the limit, or when a request failed.
"""

import argparse
import asyncio
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

NAME = "benchmark"
SWAP_SECONDS = 4.0
NOISY_ROW_S, NOISY_ROWS = 5e-3, 100
_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


def minimal(model_file: str, port: int, *, routed: bool) -> None:
    """Serves a model with as little as it takes."""
    import numpy as np
    import uvicorn
    from ai_edge_litert.interpreter import Interpreter
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    interpreter = Interpreter(model_path=model_file, num_threads=1)
    interpreter.allocate_tensors()
    (taken,), (made,) = interpreter.get_input_details(), interpreter.get_output_details()

    def one(x: np.ndarray) -> np.ndarray:
        interpreter.set_tensor(taken["index"], x)
        interpreter.invoke()
        return interpreter.get_tensor(made["index"])

    async def infer(request: Request) -> JSONResponse:
        body = await request.json()
        tensor = body["inputs"][0]
        x = np.asarray(tensor["data"], taken["dtype"]).reshape(tensor["shape"])
        y = one(x) if len(x) == 1 else np.concatenate([one(row[None]) for row in x])
        output = {"name": "output", "datatype": "FP32", "shape": y.shape, "data": y.ravel().tolist()}
        return JSONResponse({"model_name": NAME, "model_version": "1", "outputs": [output]})

    async def unrouted(scope, receive, send) -> None:
        answer = await infer(Request(scope, receive))
        await answer(scope, receive, send)

    route = Route(f"/v2/models/{NAME}/infer", infer, methods=["POST"])
    app = Starlette(routes=[route]) if routed else unrouted
    settings = {"lifespan": "off", "proxy_headers": False, "server_header": False, "access_log": False}
    uvicorn.run(app, port=port, loop="uvloop", http="httptools", log_level="warning", **settings)


def handed(arguments: list[str], *, always: bool) -> None:
    """Serves as trimtab does, but hands every row to a thread, or has measured its model in a busy moment."""
    from trimtab.cli import main as trimtab
    from trimtab.deploy.serving import batching, model

    if always:
        batching._HANDOVER_S = -1.0
    else:
        model.seconds = lambda _run: NOISY_ROW_S * NOISY_ROWS
    sys.argv = ["trimtab", "serve", *arguments]
    trimtab()


class Client(asyncio.Protocol):
    """One connection: sends a request, and the next one as soon as it is answered.

    Args:
        request: What to send.
        times: Where the seconds of each answered request go.
        faults: Where everything else goes.
    """

    def __init__(self, request: bytes, times: list[float], faults: list[str]) -> None:
        self._request, self._times, self._faults = request, times, faults
        self._answer, self._wanted = b"", 0
        self.stopping = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begins."""
        self._transport = transport
        self._send()

    def _send(self) -> None:
        self._sent = time.perf_counter()
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Counts the answer when it is whole."""
        self._answer += data
        if not self._wanted and (end := self._answer.find(b"\r\n\r\n")) >= 0:
            self._wanted = end + 4 + int(_LENGTH.search(self._answer)[1])
        if not self._wanted or len(self._answer) < self._wanted:
            return
        self._times.append(time.perf_counter() - self._sent)
        if not self._answer.startswith(b"HTTP/1.1 200"):
            self._faults.append(self._answer[:200].decode(errors="replace"))
        self._answer, self._wanted = b"", 0
        if self.stopping:
            self._transport.close()
        else:
            self._send()

    def connection_lost(self, error: Exception | None) -> None:
        """Counts a request that was cut off."""
        if not self.stopping or self._answer:
            self._faults.append(f"the connection was lost: {error}")


async def load(port: int, body: bytes, seconds: float, connections: int) -> dict:
    """Asks a server for some seconds, and returns what came of it."""
    head = f"POST /v2/models/{NAME}/infer HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    request = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    times: list[float] = []
    faults: list[str] = []
    loop = asyncio.get_running_loop()
    start = time.perf_counter()
    clients = [
        (await loop.create_connection(lambda: Client(request, times, faults), "127.0.0.1", port))[1]
        for _ in range(connections)
    ]
    await asyncio.sleep(seconds)
    elapsed, answered = time.perf_counter() - start, sorted(times)
    for client in clients:
        client.stopping = True
    await asyncio.sleep(0.1)
    return {
        "per_second": len(answered) / elapsed,
        "p50_ms": 1000 * answered[len(answered) // 2],
        "p99_ms": 1000 * answered[int(len(answered) * 0.99)],
        "requests": len(times),
        "faults": faults[:5],
    }


async def alternate(
    servers: dict[str, tuple[int, int]], body: bytes, rounds: int, seconds: float, connections: int
) -> dict[str, list[dict]]:
    """Asks servers in turns.

    Args:
        servers: Process id and port by name.
        body: What to send.
        rounds: How many turns each gets.
        seconds: How long a turn is.
        connections: How many are kept open during one.

    Returns:
        The measurements of each turn, by name.
    """
    found: dict[str, list[dict]] = {name: [] for name in servers}
    for number in range(rounds):
        for name in sorted(servers, reverse=bool(number % 2)):
            pid, port = servers[name]
            before = cpu_seconds(pid)
            one = await load(port, body, seconds, connections)
            one["cpu_us"] = 1e6 * (cpu_seconds(pid) - before) / one["requests"]
            found[name].append(one)
    return found


def loader(*arguments: object) -> subprocess.Popen:
    """Starts ``alternate`` with these arguments in a process of its own."""
    command = [sys.executable, __file__, "--load", json.dumps(arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def free_port() -> int:
    """Returns a port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return found.getsockname()[1]


def cpu_seconds(pid: int) -> float:
    """Returns the CPU time that a process has taken."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def request_body(target: Path, version: int, rows: int) -> dict:
    """Returns a request with golden examples of the model."""
    import numpy as np

    from trimtab.data.dataset.dataset import model_input
    from trimtab.data.schema import DatasetSchema
    from trimtab.deploy.golden import Golden

    directory = target / str(version)
    golden = Golden.load(directory / "golden.npz").x["input"]
    schema = DatasetSchema.model_validate_json((directory / "schema.json").read_bytes())
    x = model_input(schema, np.resize(golden, (rows, *golden.shape[1:])))
    datatype = {"float32": "FP32", "int32": "INT32"}[str(x.dtype)]
    tensor = {"name": "input", "shape": x.shape, "datatype": datatype, "data": x.ravel().tolist()}
    return {"inputs": [tensor]}


@contextlib.contextmanager
def running(command: list[str], port: int, body: str) -> Iterator[subprocess.Popen]:
    """Yields a server's process once it answers; what it logs is dropped, as in a container nobody reads."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, start_new_session=True, **quiet)
    try:
        url, content = f"http://127.0.0.1:{port}/v2/models/{NAME}/infer", Path(body).read_bytes()
        for _ in range(600):
            with contextlib.suppress(OSError):
                asked = urllib.request.Request(url, content, {"Content-Type": "application/json"})
                urllib.request.urlopen(asked).read()
                break
            time.sleep(0.1)
        else:
            sys.exit(f"{' '.join(command)} does not answer")
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


def swapped(target: Path, server: tuple[int, int], body: str, swaps: int, connections: int) -> dict:
    """Returns what load met while the champion changed again and again."""
    from trimtab.deploy.pointer import move
    from trimtab.deploy.repository import Repository

    repository = Repository(str(target))
    process = loader({"trimtab": server}, body, 1, swaps * SWAP_SECONDS, connections)
    for _ in range(swaps - 1):
        time.sleep(SWAP_SECONDS)
        pointer = repository.pointer()
        champion = repository.parse(pointer)
        version = repository.add(target / str(champion.version))
        move(repository, pointer, version, champion.history[-1].selection, action="promote")
    (found,) = json.loads(process.communicate()[0])["trimtab"]
    with urllib.request.urlopen(f"http://127.0.0.1:{server[1]}/v2/models/{NAME}") as answer:
        return {**found, "swaps": swaps - 1, "in_service": json.load(answer)["versions"] == [str(version)]}


def main() -> int:
    """Measures, prints a JSON object, and returns 1 when a limit is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("target", type=Path, help="a repository that was deployed to")
    parser.add_argument("--limit", type=float, default=0.95, help="smallest ratio of requests/s")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=0.5, help="of each server in a round")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--swaps", type=int, default=5, help="champions in a row, at least 2")
    parser.add_argument("--rows", type=int, default=1, help="of a request")
    parser.add_argument("--peers", type=Path, help="a folder with an environment for each other server")
    parser.add_argument("--threads", action="store_true", help="ask what handing rows to threads costs")
    options = parser.parse_args()
    if options.swaps < 2:
        parser.error(f"--swaps: expected at least 2, found {options.swaps}")
    with tempfile.TemporaryDirectory() as temporary:
        found = measured(options, Path(temporary))
    found["limit"] = options.limit
    print(json.dumps(found))
    swap = found["swap"]
    failed = found["faults"] or swap["faults"] or not swap["in_service"]
    return int(found["ratio"] < options.limit or bool(failed))


def measured(options: argparse.Namespace, temporary: Path) -> dict:
    """Returns all that was found."""
    from trimtab.deploy.repository import Repository

    target, body = temporary / NAME, temporary / "body.json"
    shutil.copytree(options.target, target)
    version = Repository(str(target)).champion().version
    body.write_text(json.dumps(request_body(target, version, options.rows)))
    model_file = str(target / str(version) / "model.tflite")
    own = [sys.executable, "-m", "trimtab", "serve", str(target)]
    commands = {
        "trimtab": [*own, "--port"],
        "minimal": [sys.executable, __file__, "--minimal", model_file],
        "unrouted": [sys.executable, __file__, "--unrouted", model_file],
    }
    if options.peers:
        commands |= {"trimtab_2": [*own, "--processes", "2", "--port"], **peers(options.peers, model_file)}
    if options.threads:
        own = [sys.executable, __file__]
        for name in ("handed", "noisy"):
            commands[f"trimtab_{name}"] = [*own, f"--{name}", str(target), "--port"]
    with contextlib.ExitStack() as stack:
        servers = {}
        for name, command in commands.items():
            port = free_port()
            process = stack.enter_context(running([*command, str(port)], port, str(body)))
            servers[name] = process.pid, port
        process = loader(servers, str(body), options.rounds, options.seconds, options.connections)
        rounds = json.loads(process.communicate()[0])
        swap = swapped(target, servers["trimtab"], str(body), options.swaps, options.connections)
    return {**summary(rounds), "swap": swap}


def peers(folder: Path, model_file: str) -> dict[str, list[str]]:
    """Returns the commands of the other servers that there is an environment for, without their port."""
    script = str(Path(__file__).with_name("servers.py"))
    pythons = {python.parents[1].name: str(python) for python in sorted(folder.glob("*/bin/python"))}
    found = {name: [python, script, name, model_file] for name, python in pythons.items()}
    if "fastapi" in found:
        found["fastapi_2"] = ["env", "WORKERS=2", *found["fastapi"]]
    return found


def summary(rounds: dict[str, list[dict]]) -> dict:
    """Returns medians over the turns, and the ratio of the servers' throughput."""
    medians = {
        name: {
            key: round(statistics.median(turn[key] for turn in turns), 3)
            for key in ("per_second", "p50_ms", "p99_ms", "cpu_us")
        }
        for name, turns in rounds.items()
    }
    ratios = ratios_to(rounds, "minimal")
    return {
        **medians,
        "ratio": round(statistics.median(ratios), 3),
        "ratios_between": [round(ratios[len(ratios) // 10], 3), round(ratios[-1 - len(ratios) // 10], 3)],
        "ratio_to_unrouted": round(statistics.median(ratios_to(rounds, "unrouted")), 3),
        "ratios": {
            f"{ours} / {other}": round(statistics.median(ratios_to(rounds, other, ours)), 2)
            for ours in rounds
            if ours.startswith("trimtab")
            for other in rounds
            if other != ours and (ours == "trimtab" or not other.startswith("trimtab"))
        },
        "faults": [fault for turns in rounds.values() for turn in turns for fault in turn["faults"]],
    }


def ratios_to(rounds: dict[str, list[dict]], other: str, ours: str = "trimtab") -> list[float]:
    """Returns what each turn of ours answered per request that another server did in its, sorted."""
    pairs = zip(rounds[ours], rounds[other], strict=True)
    return sorted(one["per_second"] / two["per_second"] for one, two in pairs)


if __name__ == "__main__":
    if sys.argv[1:2] in (["--minimal"], ["--unrouted"]):
        minimal(sys.argv[2], int(sys.argv[3]), routed=sys.argv[1] == "--minimal")
    elif sys.argv[1:2] in (["--handed"], ["--noisy"]):
        handed(sys.argv[2:], always=sys.argv[1] == "--handed")
    elif sys.argv[1:2] == ["--load"]:
        import uvloop

        servers, body, *more = json.loads(sys.argv[2])
        print(json.dumps(uvloop.run(alternate(servers, Path(body).read_bytes(), *more))))
    else:
        sys.exit(main())
