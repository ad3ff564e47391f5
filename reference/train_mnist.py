#!/usr/bin/env python3
"""Trains the default network with numpy, for comparison of accuracy and time.

The same job as `minibatch train`: 784-32-10, sigmoid everywhere, quadratic cost 1/2 |a - y|^2 averaged over
the minibatch, plain SGD with eta = 3.0, minibatches of 16, 30 epochs, weights and biases from N(0, 1),
reshuffled every epoch, inputs divided by 255, labels one-hot. A last, smaller minibatch is averaged
over its own size.

    train_mnist.py --seeds 15              seeds 0 to 14, whole minibatches as float32 matrices
    train_mnist.py --seeds 3 --per-example the tutorial's loop over the examples, in float64

Both modes start from the same weights and take the same minibatches for a seed. Matrices have one row
per example, as in docs/backprop.md. Needs Python 3.9 and numpy; set OPENBLAS_NUM_THREADS=1, threads
gain nothing at this size.
"""

import argparse
import gzip
import json
import statistics
import struct
import sys
import time
from pathlib import Path

import numpy as np

SIZES = [784, 32, 10]
ETA = 3.0
MINIBATCH = 16
STUCK_BELOW = 10
"""An output neuron counts as stuck when its class is predicted for fewer test images than this."""

# ---------------------------------------------------------------------------------------------
# Data


def read_idx(folder, stem):
    """One IDX file of unsigned bytes, plain or .gz."""
    for path in (folder / stem, folder / (stem + ".gz")):
        if path.exists():
            raw = path.read_bytes()
            raw = gzip.decompress(raw) if path.suffix == ".gz" else raw
            zero, kind, rank = struct.unpack(">HBB", raw[:4])
            shape = struct.unpack(f">{rank}I", raw[4 : 4 + 4 * rank])
            if (zero, kind) != (0, 8) or len(raw) != 4 + 4 * rank + int(np.prod(shape)):
                raise SystemExit(f"{path}: not an IDX file of unsigned bytes, or its length is wrong")
            return np.frombuffer(raw, np.uint8, offset=4 + 4 * rank).reshape(shape)
    raise SystemExit(f"{folder / stem}: no such file, plain or .gz; fetch it with: cargo xtask fetch-mnist")


def load(folder):
    """Training images (n x 784 float32 in [0, 1]), one-hot labels (n x 10), test images, test labels."""
    def images(stem):
        pixels = read_idx(folder, stem)
        return pixels.reshape(len(pixels), -1).astype(np.float32) / np.float32(255)

    one_hot = np.eye(10, dtype=np.float32)[read_idx(folder, "train-labels-idx1-ubyte")]
    return images("train-images-idx3-ubyte"), one_hot, images("t10k-images-idx3-ubyte"), read_idx(folder, "t10k-labels-idx1-ubyte")


def start(seed):
    """The generator and the initial weights W[l] (n_l x n_l-1) and biases b[l] (n_l)."""
    rng = np.random.default_rng(seed)
    w = [rng.standard_normal((n, m)).astype(np.float32) for m, n in zip(SIZES, SIZES[1:])]
    b = [rng.standard_normal(n).astype(np.float32) for n in SIZES[1:]]
    return rng, w, b


# ---------------------------------------------------------------------------------------------
# Whole minibatches, float32


def sigmoid_in_place(z):
    np.negative(z, out=z)
    np.exp(z, out=z)
    z += 1
    np.reciprocal(z, out=z)
    return z


class Step:
    """One SGD step of a two-layer network, with every buffer made once per minibatch size."""

    def __init__(self, size, w, b):
        (n1, n0), n2 = w[0].shape, len(b[1])
        self.w, self.b, self.scale = w, b, np.float32(-ETA / size)
        self.x = np.empty((size, n0), np.float32)
        self.y = np.empty((size, n2), np.float32)
        self.a1, self.delta1, self.prime1 = (np.empty((size, n1), np.float32) for _ in range(3))
        self.a2, self.delta2, self.prime2 = (np.empty((size, n2), np.float32) for _ in range(3))
        self.dw1, self.dw2 = np.empty_like(w[0]), np.empty_like(w[1])

    def run(self, images, targets, rows):
        (w1, w2), (b1, b2) = self.w, self.b
        a1, a2, delta1, delta2 = self.a1, self.a2, self.delta1, self.delta2
        # mode="clip" lets take() write straight into `out`; the rows are always in range.
        x = images.take(rows, axis=0, out=self.x, mode="clip")
        y = targets.take(rows, axis=0, out=self.y, mode="clip")

        np.matmul(x, w1.T, out=a1)
        a1 += b1
        sigmoid_in_place(a1)
        np.matmul(a1, w2.T, out=a2)
        a2 += b2
        sigmoid_in_place(a2)

        np.subtract(a2, y, out=delta2)
        np.subtract(1, a2, out=self.prime2)
        self.prime2 *= a2
        delta2 *= self.prime2
        np.matmul(delta2, w2, out=delta1)
        np.subtract(1, a1, out=self.prime1)
        self.prime1 *= a1
        delta1 *= self.prime1

        # -eta/B goes into the small error matrices, not into the large gradients.
        delta2 *= self.scale
        delta1 *= self.scale
        w2 += np.matmul(delta2.T, a1, out=self.dw2)
        w1 += np.matmul(delta1.T, x, out=self.dw1)
        b2 += delta2.sum(axis=0)
        b1 += delta1.sum(axis=0)


def train_batched(seed, epochs, images, targets):
    rng, w, b = start(seed)
    n = len(images)
    steps = {size: Step(size, w, b) for size in {MINIBATCH, n % MINIBATCH or MINIBATCH}}
    for _ in range(epochs):
        order = rng.permutation(n)
        for first in range(0, n, MINIBATCH):
            rows = order[first : first + MINIBATCH]
            steps[len(rows)].run(images, targets, rows)
    return w, b


# ---------------------------------------------------------------------------------------------
# The tutorial's loop, float64


def sigmoid(z):
    return 1.0 / (1.0 + np.exp(-z))


def backprop(w, b, x, y):
    """Gradient of one example's cost, column vectors: the equations BP1 to BP4."""
    activations = [x]
    for w_l, b_l in zip(w, b):
        activations.append(sigmoid(np.dot(w_l, activations[-1]) + b_l))
    a = activations[-1]
    delta = (a - y) * a * (1 - a)
    nabla_w, nabla_b = [None] * len(w), [None] * len(w)
    for l in range(len(w) - 1, -1, -1):
        a = activations[l]
        nabla_b[l], nabla_w[l] = delta, np.dot(delta, a.T)
        if l > 0:
            delta = np.dot(w[l].T, delta) * a * (1 - a)
    return nabla_w, nabla_b


def train_per_example(seed, epochs, images, targets):
    rng, w, b = start(seed)
    w = [p.astype(np.float64) for p in w]
    b = [p.astype(np.float64).reshape(-1, 1) for p in b]
    examples = [(x.astype(np.float64).reshape(-1, 1), y.astype(np.float64).reshape(-1, 1)) for x, y in zip(images, targets)]
    n = len(examples)
    for _ in range(epochs):
        order = rng.permutation(n)
        for first in range(0, n, MINIBATCH):
            rows = order[first : first + MINIBATCH]
            sum_w, sum_b = [np.zeros_like(p) for p in w], [np.zeros_like(p) for p in b]
            for i in rows:
                nabla_w, nabla_b = backprop(w, b, *examples[i])
                sum_w = [s + g for s, g in zip(sum_w, nabla_w)]
                sum_b = [s + g for s, g in zip(sum_b, nabla_b)]
            w = [p - (ETA / len(rows)) * g for p, g in zip(w, sum_w)]
            b = [p - (ETA / len(rows)) * g for p, g in zip(b, sum_b)]
    return w, [p.ravel() for p in b]


# ---------------------------------------------------------------------------------------------
# Evaluation and report


def predictions(w, b, images):
    a = images
    for w_l, b_l in zip(w, b):
        a = sigmoid(a @ w_l.T + b_l)
    return a.argmax(axis=1)


def seed_list(text):
    """`15` means seeds 0 to 14; `3..7` means 3, 4, 5, 6, 7."""
    first, dots, last = text.partition("..")
    if not first.isdecimal() or (dots and not last.isdecimal()):
        raise argparse.ArgumentTypeError(f"expected a count such as 15 or a range such as 3..7, found '{text}'")
    seeds = range(int(first), int(last) + 1) if dots else range(int(first))
    if not seeds:
        raise argparse.ArgumentTypeError(f"'{text}' names no seed")
    return seeds


def cpu_model():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return "unknown"
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")


def main():
    parser = argparse.ArgumentParser(description="Train 784-32-10 on MNIST with numpy.")
    parser.add_argument("--data", type=Path, default=Path("data/mnist"), help="folder of the IDX files (default: %(default)s)")
    parser.add_argument("--seeds", type=seed_list, default=seed_list("1"), help="15 for 0 to 14, or 3..7 (default: 1)")
    parser.add_argument("--epochs", type=int, default=30, help="(default: %(default)s)")
    parser.add_argument("--per-example", action="store_true", help="the tutorial's loop instead of matrices")
    parser.add_argument("--json", action="store_true", help="print one JSON document at the end instead of lines")
    options = parser.parse_args()

    images, targets, test_images, test_labels = load(options.data)
    train = train_per_example if options.per_example else train_batched
    runs = []
    for seed in options.seeds:
        began = time.perf_counter()
        with np.errstate(over="ignore"):  # exp(-z) of a saturated neuron: 1 / (1 + inf) is the right 0
            w, b = train(seed, options.epochs, images, targets)
            predicted = predictions(w, b, test_images)
        seconds = time.perf_counter() - began
        correct = int((predicted == test_labels).sum())
        counts = np.bincount(predicted, minlength=10)
        stuck = [c for c in range(10) if counts[c] < STUCK_BELOW]
        runs.append({"seed": seed, "correct": correct, "accuracy": correct / len(test_labels), "stuck": stuck, "seconds": round(seconds, 2)})
        if not options.json:
            note = f"  stuck: {stuck}" if stuck else ""
            print(f"seed {seed:3}  {correct / len(test_labels):.2%} ({correct}/{len(test_labels)})  {seconds:6.2f} s{note}", flush=True)

    summary = {
        "mode": "per-example float64" if options.per_example else "batched float32",
        "epochs": options.epochs,
        "numpy": np.__version__,
        "cpu": cpu_model(),
        "median_accuracy": statistics.median(r["accuracy"] for r in runs),
        "runs_with_a_stuck_output": sum(bool(r["stuck"]) for r in runs),
        "median_seconds": statistics.median(r["seconds"] for r in runs),
    }
    if options.json:
        print(json.dumps({**summary, "runs": runs}, indent=1))
    else:
        print(
            f"median {summary['median_accuracy']:.2%} of {len(runs)} seeds, {summary['runs_with_a_stuck_output']} with a stuck output, "
            f"median {summary['median_seconds']:.2f} s a run; {summary['mode']}, numpy {np.__version__}, {summary['cpu']}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
