"""A preset of benches/presets, trained by JAX: `cargo xtask speedrun --only 98 --beside-jax` runs it beside Minibatch.

    python jax_speedrun.py PRESET.toml --data DIR --seed N --threads N

It prints the JSON lines of `minibatch train --json` that the speedrun reads. An epoch is one `lax.scan` of steps, compiled ahead;
compiling isn't in `training_seconds`, but in the time of the process. The initial values and the order come from numpy's
generator, so each seed is another run than Minibatch's, of the same recipe.
"""

import argparse
import json
import os
import pathlib
import time
import tomllib

parser = argparse.ArgumentParser()
parser.add_argument("preset", type=pathlib.Path)
parser.add_argument("--data", type=pathlib.Path, required=True)
parser.add_argument("--seed", type=int, required=True)
parser.add_argument("--threads", type=int, required=True)
args = parser.parse_args()
# Before JAX counts the processors.
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: args.threads])

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402
from jax import lax  # noqa: E402

preset = tomllib.loads(args.preset.read_text())
KNOWN = {
    "activation": "relu",
    "output-activation": "softmax",
    "cost": "categorical-cross-entropy",
    "init": "he-normal",
    "optimizer": "nesterov(0.9)",
    "schedule": "linear(0.2)",
}
for key, value in preset.items():
    if KNOWN.get(key, value) != value or key not in {*KNOWN, "hidden", "learning-rate", "label-smoothing", "batch-size", "epochs"}:
        raise SystemExit(f"{args.preset}: {key} = {value!r} isn't one of the settings that this script knows")
BATCH, EPOCHS, PEAK = preset["batch-size"], preset["epochs"], preset["learning-rate"]
SMOOTHING, MOMENTUM, UP = preset.get("label-smoothing", 0.0), 0.9, 0.2


def idx(name, offset):
    return np.frombuffer((args.data / name).read_bytes(), np.uint8, offset=offset)


def images(name):
    return idx(name, 16).reshape(-1, 784).astype(np.float32) / 255


rng = np.random.default_rng(args.seed)
x, labels = images("train-images-idx3-ubyte"), idx("train-labels-idx1-ubyte", 8)
y = np.eye(10, dtype=np.float32)[labels] * (1 - SMOOTHING) + SMOOTHING / 10
sizes = [784, *preset["hidden"], 10]
layers = [
    (rng.normal(0, np.sqrt(2 / a), (a, b)).astype(np.float32), np.zeros(b, np.float32))
    for a, b in zip(sizes, sizes[1:])
]
steps = -(-len(x) // BATCH)
total = steps * EPOCHS


def forward(layers, x):
    for w, b in layers[:-1]:
        x = jax.nn.relu(x @ w + b)
    w, b = layers[-1]
    return x @ w + b


def cost(layers, x, y):
    return -jnp.sum(y * jax.nn.log_softmax(forward(layers, x))) / len(x)


def scan(state, x, y, rows, etas):
    """`rows`: steps x B, `etas`: steps."""

    def step(state, now):
        (layers, velocity), (rows, eta) = state, now
        gradients = jax.grad(cost)(layers, jnp.take(x, rows, axis=0, mode="clip"), jnp.take(y, rows, axis=0, mode="clip"))
        velocity = jax.tree.map(lambda v, g: MOMENTUM * v + g, velocity, gradients)
        layers = jax.tree.map(lambda p, g, v: p - eta * (g + MOMENTUM * v), layers, gradients, velocity)
        return (layers, velocity), None

    return lax.scan(step, state, (rows, etas))[0]


state = jax.tree.map(jnp.asarray, (layers, [(0 * w, 0 * b) for w, b in layers]))
x, y = jnp.asarray(x), jnp.asarray(y)
run = jax.jit(scan, donate_argnums=0)
whole = len(x) // BATCH
rest = len(x) - whole * BATCH


def compiled(shape):
    rows, etas = jax.ShapeDtypeStruct(shape, np.int32), jax.ShapeDtypeStruct(shape[:1], np.float32)
    return run.lower(state, x, y, rows, etas).compile()


epoch_steps = compiled((whole, BATCH))
last_step = compiled((1, rest)) if rest else None
part = np.arange(total) / total
etas = (PEAK * np.minimum(part / UP, (1 - part) / (1 - UP))).astype(np.float32)
print(json.dumps({"event": "plan", "epochs": EPOCHS, "threads": args.threads}))
seconds = 0.0
for epoch in range(EPOCHS):
    started = time.perf_counter()
    order, eta = rng.permutation(len(x)).astype(np.int32), etas[epoch * steps :]
    state = epoch_steps(state, x, y, order[: whole * BATCH].reshape(whole, BATCH), eta[:whole])
    if last_step:
        state = last_step(state, x, y, order[whole * BATCH :].reshape(1, rest), eta[whole : whole + 1])
    jax.block_until_ready(state)
    seconds += time.perf_counter() - started
answers = np.asarray(jnp.argmax(forward(state[0], jnp.asarray(images("t10k-images-idx3-ubyte"))), axis=1))
accuracy = float(np.mean(answers == idx("t10k-labels-idx1-ubyte", 8)))
print(json.dumps({"event": "epoch", "epoch": EPOCHS, "test": {"accuracy": accuracy}}))
print(json.dumps({"event": "end", "training_seconds": seconds}))
