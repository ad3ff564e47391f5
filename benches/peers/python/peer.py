"""The protocol, the data and the shuffle that the Python peers share; benches/peers/README.md describes them.

    peer.py NAME                     answers requests: one JSON object a line, on standard input and output
    peer.py NAME job REQUEST EPOCHS  does a whole job instead: setup, then for each epoch train and test
"""

import json
import sys
import time
import traceback
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import numpy as np

CLASSES = 10
LOOK_EVERY = 500
"""Examples of inference between two looks at the clock."""
ADAM = (0.9, 0.999, 1e-8)
PEERS = {
    "numpy": ("numpy_peers", "Batched"),
    "numpy-per-example": ("numpy_peers", "PerExample"),
    "torch-hand": ("torch_hand", "Hand"),
    "torch-eager": ("torch_peers", "Eager"),
    "torch-fused": ("torch_peers", "Fused"),
    "torch-compile": ("torch_peers", "Compiled"),
    "torch-bf16": ("torch_peers", "Bf16"),
    "jax": ("jax_peer", "Jax"),
    "scikit-learn": ("sklearn_peer", "ScikitLearn"),
}


def read_idx(path):
    raw = path.read_bytes()
    rank = raw[3]
    shape = tuple(int.from_bytes(raw[4 + 4 * i : 8 + 4 * i], "big") for i in range(rank))
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * rank).reshape(shape)


class Data:
    """Images as rows of float32 in [0, 1], labels as rows with one 1."""

    def __init__(self, folder):
        def images(name):
            pixels = read_idx(Path(folder, name))
            return pixels.reshape(len(pixels), -1).astype(np.float32) / np.float32(255)

        self.images = images("train-images-idx3-ubyte")
        self.labels = read_idx(Path(folder, "train-labels-idx1-ubyte"))
        self.targets = np.eye(CLASSES, dtype=np.float32)[self.labels]
        self.test = images("t10k-images-idx3-ubyte")
        self.test_labels = read_idx(Path(folder, "t10k-labels-idx1-ubyte"))


class Order:
    """The order of the examples, reshuffled every epoch."""

    def __init__(self, examples, rng):
        self.examples, self.rng, self.position = examples, rng, examples

    def take(self, count):
        """The next `count` rows, or what is left of the epoch. A new epoch begins where one has ended."""
        if self.position >= self.examples:
            self.rows, self.position = self.rng.permutation(self.examples), 0
        first, self.position = self.position, min(self.position + count, self.examples)
        return self.rows[first : self.position]


def initial(job, rng):
    """Weights W[l] (inputs x outputs) and biases b[l], float32."""
    layers = []
    for inputs, outputs in zip(job.sizes, job.sizes[1:]):
        weight, bias = {"standard-normal": (1, 1), "fan-in": (inputs**-0.5, 1), "he": ((2 / inputs) ** 0.5, 0)}[job.init]
        draw = lambda *shape: rng.standard_normal(shape).astype(np.float32)
        layers.append((np.float32(weight) * draw(inputs, outputs), np.float32(bias) * draw(outputs)))
    return layers


class Peer:
    """What a peer has: `name`, `version`, `differs` (what it does instead of the job, or None), and

    __init__(job, threads, data, rng)  load everything training needs
    train(examples)                    the next slice of at least that many, unless the epoch ends; returns how many
    predict(first, last)               outputs of test examples, whatever its own arrays are
    outputs(array)                     those as numpy (rows x classes)
    """

    differs = None

    def correct(self):
        outputs = self.outputs(self.predict(0, len(self.data.test_labels)))
        return int((outputs.argmax(axis=1) == self.data.test_labels).sum())

    def outputs(self, array):
        return array

    def wait(self, array):
        """Until `array` is there, where the library computes later."""


class Session:
    def __init__(self, name):
        module, self.kind = PEERS[name]
        self.module, self.peer = module, None

    def answer(self, request):
        do = request.pop("do")
        return getattr(self, do)(**request)

    def setup(self, workload, threads, data, seed):
        self.peer = None
        self.job = SimpleNamespace(**workload)
        self.data = Data(data)
        kind = getattr(import_module(self.module), self.kind)
        self.peer = kind(self.job, threads, self.data, np.random.default_rng(seed))
        self.peer.data = self.data
        return {"name": kind.name, "version": kind.version, "differs": self.peer.differs}

    def train(self, epochs=None, seconds=0.0):
        most, limit = (epochs * len(self.data.labels), float("inf")) if epochs else (float("inf"), seconds)
        samples, began = 0, time.perf_counter()
        while True:
            samples += self.peer.train(self.job.slice)
            elapsed = time.perf_counter() - began
            if samples >= most or elapsed >= limit:
                return {"samples": samples, "seconds": elapsed}

    def accuracy(self):
        return {"correct": self.peer.correct(), "of": len(self.data.test_labels)}

    def infer(self, batch, input, seconds):
        if input != "f32":
            raise ValueError(f"no inference from {input}")
        predict, wait, n = self.peer.predict, self.peer.wait, len(self.data.test_labels) // batch * batch
        wait(predict(0, batch))  # a shape seen for the first time may have to be compiled
        samples, first, began = 0, 0, time.perf_counter()
        while True:
            for _ in range(max(1, LOOK_EVERY // batch)):
                wait(predict(first, first + batch))
                first = (first + batch) % n
                samples += batch
            elapsed = time.perf_counter() - began
            if elapsed >= seconds:
                return {"samples": samples, "seconds": elapsed}


def serve(session, replies):
    for line in sys.stdin:
        try:
            reply = session.answer(json.loads(line))
        except Exception as error:  # whatever a library raises, the harness shows it in the peer's row
            traceback.print_exc()
            reply = {"error": f"{type(error).__name__}: {error}".splitlines()[0]}
        print(json.dumps(reply), file=replies, flush=True)


def job(session, setup, epochs):
    session.answer(json.loads(setup))
    for epoch in range(1, epochs + 1):
        session.train(epochs=1)
        print(json.dumps({"epoch": epoch, **session.accuracy()}), flush=True)


if __name__ == "__main__":
    # Peers import this module by its name, and are to find this one.
    sys.modules["peer"] = sys.modules["__main__"]
    np.seterr(over="ignore")  # exp(-z) of a saturated neuron: 1 / (1 + inf) is the right 0
    session = Session(sys.argv[1])
    if len(sys.argv) > 2:
        job(session, sys.argv[3], int(sys.argv[4]))
    else:
        # What libraries print must not be taken for a reply.
        replies, sys.stdout = sys.stdout, sys.stderr
        serve(session, replies)
