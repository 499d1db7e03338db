"""Solves tic-tac-toe for `tic_tac_toe.yaml`, and has the models that come of it play.

    python examples/tic_tac_toe.py solve examples/data/tic_tac_toe.csv
    trimtab run examples/tic_tac_toe.yaml
    trimtab run examples/tic_tac_toe.yaml --set recipes=[none] --set name=in_floats
    python examples/tic_tac_toe.py play runs/deployed/tic_tac_toe runs/deployed/in_floats

Each row is a position that can be reached and is not over: who is at which place (`own`, `other`, `free`),
which moves are best, and how the game ends if nobody errs. The first model plays a thousand games against
who moves at random and a thousand against the second model, and one line of JSON a match says how they ended.
Between models the first two moves of a game are random, without which all their games were the same one.
"""

import argparse
import csv
import json
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np

from trimtab.data.dataset.dataset import model_inputs
from trimtab.deploy.answers import schema_of
from trimtab.deploy.golden import GOLDEN_FILE, Golden
from trimtab.deploy.predict import predict
from trimtab.deploy.repository import Repository
from trimtab.deploy.runtime import loaded

PLACES = [f"{row}{column}" for row in "abc" for column in "123"]
LINES = [(0, 1, 2), (3, 4, 5), (6, 7, 8), (0, 3, 6), (1, 4, 7), (2, 5, 8), (0, 4, 8), (2, 4, 6)]
ENDS = {1: "won", 0: "drawn", -1: "lost"}
NAMES = {1: "own", -1: "other", 0: "free"}
Board = tuple[int, ...]
"""Whose each place is, for who is to move: 1, -1 of the other one, 0 of nobody."""
Player = Callable[[Board, np.random.Generator], int]
EMPTY: Board = (0,) * 9


def free(board: Board) -> list[int]:
    """Returns where a move can go."""
    return [place for place, whose in enumerate(board) if not whose]


def after(board: Board, move: int) -> Board:
    """Returns the position after a move, for the other one."""
    return tuple(-1 if place == move else -whose for place, whose in enumerate(board))


def is_lost(board: Board) -> bool:
    """Returns whether the last move made a line."""
    return any(all(board[place] == -1 for place in line) for line in LINES)


@cache
def value(board: Board) -> int:
    """Returns 1, 0 or -1: how the game ends for who is to move, if nobody errs."""
    if is_lost(board):
        return -1
    return max((-value(after(board, move)) for move in free(board)), default=0)


def positions() -> list[Board]:
    """Returns every position that can be reached and is not over."""
    found, wave = {EMPTY}, [EMPTY]
    while wave:
        wave = [
            board
            for board in {after(each, move) for each in wave for move in free(each)}
            if board not in found and not is_lost(board) and free(board)
        ]
        found |= set(wave)
    return sorted(found)


def solve(path: Path) -> None:
    """Writes every position with its best moves and its value."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow([*PLACES, "moves", "end"])
        for board in positions():
            best = [PLACES[move] for move in free(board) if -value(after(board, move)) == value(board)]
            table.writerow([*(NAMES[whose] for whose in board), "|".join(best), ENDS[value(board)]])


def by_model(target: str) -> Player:
    """Returns who makes the likeliest move that there is, by a deployed model's answers to all positions."""
    with tempfile.NamedTemporaryFile("w", suffix=".csv", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(PLACES)
        rows.writerows([NAMES[whose] for whose in board] for board in positions())
        file.flush()
        answers = dict(zip(positions(), predict(target, file.name), strict=True))

    def player(board: Board, random: np.random.Generator) -> int:  # noqa: ARG001 - as every player
        likely = answers[board]["moves"]["probabilities"]
        return max(free(board), key=lambda move: likely[PLACES[move]])

    return player


def at_random(board: Board, random: np.random.Generator) -> int:
    """Returns any move."""
    return int(random.choice(free(board)))


def game(first: Player, second: Player, random: np.random.Generator, opening: int) -> int:
    """Returns 1, 0 or -1: how a game ended for the first player; ``opening`` moves are random ones."""
    board, players, turn = EMPTY, (first, second), 0
    while free(board) and not is_lost(board):
        player = at_random if turn < opening else players[turn % 2]
        board, turn = after(board, player(board, random)), turn + 1
    if not is_lost(board):
        return 0
    return 1 if turn % 2 else -1


def match(one: Player, other: Player, games: int, opening: int, seed: int = 0) -> dict[str, object]:
    """Returns how games ended for ``one``, who begins every other one, and the 95 % interval of its points.

    A game is worth 1 point, a half or none. The interval is normal, over pairs of games, in which each has
    begun once.
    """
    random = np.random.default_rng(seed)
    ends = np.array(
        [
            (game(one, other, random, opening), -game(other, one, random, opening))
            for _ in range(max(games // 2, 2))
        ]
    )
    points = (ends.mean(axis=1) + 1) / 2
    error = 1.96 * points.std(ddof=1) / np.sqrt(len(points))
    return {
        "games": ends.size,
        **{name: round(float((ends == end).mean()), 4) for end, name in ENDS.items()},
        "points": round(float(points.mean()), 4),
        "interval": [round(float(points.mean() + side * error), 4) for side in (-1, 1)],
    }


def moves_per_second(target: str, seconds: float = 1.0) -> float:
    """Returns how many positions a deployed model answers in a second, one after the other, in one thread."""
    repository = Repository(target)
    number = repository.resolve(None)
    with repository.fetched(number) as deployment:
        schema = schema_of(deployment, repository.location(number))
        golden, model = Golden.load(deployment.path / GOLDEN_FILE), loaded(deployment)
        board = {name: each[:1] for name, each in model_inputs(schema, golden.x).items()}
        asked, begin = 0, time.perf_counter()
        while time.perf_counter() - begin < seconds:
            model.predict(board)
            asked += 1
        return asked / (time.perf_counter() - begin)


def play(target: str, other: str, games: int) -> None:
    """Prints how the first model fares against chance and against the other, and how fast both are."""
    one, two = by_model(target), by_model(other)
    print(json.dumps({"against": "random", **match(one, at_random, games, opening=0)}))
    print(json.dumps({"against": other, **match(one, two, games, opening=2)}))
    speeds = {each: round(moves_per_second(each)) for each in (target, other)}
    print(json.dumps({"moves_per_second": speeds}))


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("solve").add_argument("table", type=Path)
    playing = commands.add_parser("play")
    playing.add_argument("target", help="the repository of the model that was compressed")
    playing.add_argument("other", help="that of the model which it is to play against")
    playing.add_argument("--games", type=int, default=1000)
    asked = parser.parse_args()
    if asked.command == "solve":
        solve(asked.table)
    else:
        play(asked.target, asked.other, asked.games)


if __name__ == "__main__":
    main()
