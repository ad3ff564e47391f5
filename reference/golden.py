#!/usr/bin/env python3
"""Writes the golden runs: small networks trained in the plainest way we know.

An independent second opinion on the Rust trainer: float64, one example at a time, column vectors, in
the notation of Nielsen's "Neural Networks and Deep Learning", chapter 2:

    w[l][j][k]   weight from neuron k of layer l-1 to neuron j of layer l
    b[l][j]      bias of neuron j of layer l
    z = w a + b  weighted input; a = sigma(z)  activation
    delta        error of a layer, dC_x/dz, for one example x
    nabla_w, nabla_b   gradient of the cost, here averaged over the minibatch

Nothing in it is fast or shared with the trainer, on purpose.

    golden.py            write reference/golden/*.json
    golden.py --check    make them again in memory and compare with the committed files

Both first check the gradients of every network by central differences, and the worked neuron of
docs/backprop.md by its known numbers.

Numbers. Every number a run starts from (inputs, targets, weights, biases, learning rate) is rounded
to float32 before anything is computed, and is written so that it reads back as that very float32: the
trainer starts from the same numbers. Every computed number is float64, written to 12 significant
digits. Random numbers come from Python's random.random(), whose sequence is fixed for a seed.

Another activation, cost or optimiser is one more entry in ACTIVATIONS, COSTS or OPTIMISERS and a line
in RUNS. Needs Python 3.9 and numpy.
"""

import argparse
import json
import math
import random
import sys
from pathlib import Path

import numpy as np

GOLDEN = Path(__file__).resolve().parent / "golden"
MADE_BY = (
    "reference/golden.py: numpy float64, one example at a time. Starting values (x, y, initial, "
    "learning_rate) are exact float32 values; the rest is float64 to 12 significant digits. "
    "Layer lists start at layer 1. w[l][j][k]: to neuron j from neuron k. z, a, delta: one row per "
    "example of the minibatch, in its order. delta is dC_x/dz of the single example; nabla_w and "
    "nabla_b are means over the minibatch. A step's cost is the mean over its minibatch before its update."
)

# ---------------------------------------------------------------------------------------------
# The parts a run is made of


def sigmoid(z):
    return 1.0 / (1.0 + np.exp(-z))


def sigmoid_prime(z):
    return sigmoid(z) * (1.0 - sigmoid(z))


# name: (sigma(z), sigma'(z))
ACTIVATIONS = {"sigmoid": (sigmoid, sigmoid_prime)}


def quadratic(a, y):
    """Half the squared distance, for one example."""
    return 0.5 * float(np.sum((a - y) ** 2))


def quadratic_gradient(a, y):
    return a - y


# name: (C_x(a, y), its gradient with respect to a)
COSTS = {"quadratic": (quadratic, quadratic_gradient)}


# An optimiser is made once for all weights and once for all biases, and is then called once a step with the
# parameters and their gradients, arrays in lists; it returns the new parameters and keeps its moments.


def sgd(settings, are_weights):
    """Plain stochastic gradient descent: p <- p - eta * dC/dp."""
    eta = settings["learning_rate"]

    def step(parameters, gradients):
        return [p - eta * g for p, g in zip(parameters, gradients)]

    return step


def momentum(settings, are_weights, nesterov=False):
    """As PyTorch's SGD with momentum and without dampening: v <- mu v + g; p <- p - eta v. Nesterov's form of it
    (Sutskever et al. 2013): p <- p - eta (g + mu v)."""
    eta, mu = settings["learning_rate"], settings["momentum"]
    velocities = []

    def step(parameters, gradients):
        moved = []
        for i, (p, g) in enumerate(zip(parameters, gradients)):
            if i == len(velocities):
                velocities.append(np.zeros_like(p))
            velocities[i] = mu * velocities[i] + g
            moved.append(p - eta * (g + mu * velocities[i] if nesterov else velocities[i]))
        return moved

    return step


def nesterov(settings, are_weights):
    return momentum(settings, are_weights, nesterov=True)


def adam(settings, are_weights):
    """Algorithm 1 of Kingma and Ba (2015). With a decay it is AdamW (Loshchilov and Hutter 2019): weights, not biases,
    lose eta * decay of themselves before the step."""
    eta, epsilon = settings["learning_rate"], settings["epsilon"]
    beta1, beta2 = settings["beta1"], settings["beta2"]
    kept = 1.0 - eta * settings.get("decay", 0.0) if are_weights else 1.0
    moments, taken = [], [0]

    def step(parameters, gradients):
        taken[0] += 1
        t, moved = taken[0], []
        for i, (p, g) in enumerate(zip(parameters, gradients)):
            if i == len(moments):
                moments.append((np.zeros_like(p), np.zeros_like(p)))
            m, v = moments[i]
            m = beta1 * m + (1.0 - beta1) * g
            v = beta2 * v + (1.0 - beta2) * g**2
            moments[i] = (m, v)
            m_hat, v_hat = m / (1.0 - beta1**t), v / (1.0 - beta2**t)
            moved.append(kept * p - eta * m_hat / (np.sqrt(v_hat) + epsilon))
        return moved

    return step


def with_memory(rule):
    """An optimiser whose rule maps (settings, t, p, g, memory) to the new p, and changes two arrays of memory, 0 at first."""

    def optimiser(settings, are_weights):
        memories, taken = [], [0]

        def step(parameters, gradients):
            taken[0] += 1
            moved = []
            for i, (p, g) in enumerate(zip(parameters, gradients)):
                if i == len(memories):
                    memories.append([np.zeros_like(p), np.zeros_like(p)])
                moved.append(rule(settings, taken[0], p, g, memories[i]))
            return moved

        return step

    return optimiser


def adagrad(settings, t, p, g, memory):
    """torch.optim.Adagrad without decay of eta: the sum of squares starts at 0."""
    memory[0] = memory[0] + g**2
    return p - settings["learning_rate"] * g / (np.sqrt(memory[0]) + settings["epsilon"])


def rmsprop(settings, t, p, g, memory, centred=False):
    """torch.optim.RMSprop without momentum: epsilon stands outside the root. Centred, the root is of the variance."""
    alpha = settings["alpha"]
    memory[0] = alpha * memory[0] + (1.0 - alpha) * g**2
    memory[1] = alpha * memory[1] + (1.0 - alpha) * g
    spread = memory[0] - memory[1] ** 2 if centred else memory[0]
    return p - settings["learning_rate"] * g / (np.sqrt(spread) + settings["epsilon"])


def nadam(settings, t, p, g, memory):
    """torch.optim.NAdam (Dozat 2016)."""
    eta, beta1, beta2, psi = (settings[name] for name in ["learning_rate", "beta1", "beta2", "psi"])
    mu = [beta1 * (1.0 - 0.5 * 0.96 ** (i * psi)) for i in range(1, t + 2)]
    memory[0] = beta1 * memory[0] + (1.0 - beta1) * g
    memory[1] = beta2 * memory[1] + (1.0 - beta2) * g**2
    scale = np.sqrt(memory[1] / (1.0 - beta2**t)) + settings["epsilon"]
    p = p - eta * (1.0 - mu[t - 1]) / (1.0 - math.prod(mu[:t])) * g / scale
    return p - eta * mu[t] / (1.0 - math.prod(mu)) * memory[0] / scale


OPTIMISERS = {
    "sgd": sgd,
    "momentum": momentum,
    "nesterov": nesterov,
    "adagrad": with_memory(adagrad),
    "rmsprop": with_memory(rmsprop),
    "centred-rmsprop": with_memory(lambda *arguments: rmsprop(*arguments, centred=True)),
    "adam": adam,
    "adamw": adam,
    "nadam": with_memory(nadam),
}

RUNS = [
    # Small enough to follow with a pencil.
    {
        "sizes": [3, 4, 2],
        "activation": "sigmoid",
        "cost": "quadratic",
        "optimiser": {"name": "sgd", "learning_rate": 3.0},
        "minibatch_size": 5,
        "last_minibatch": 2,
        "seed": 1,
    },
    # Two hidden layers.
    {
        "sizes": [5, 7, 6, 3],
        "activation": "sigmoid",
        "cost": "quadratic",
        "optimiser": {"name": "sgd", "learning_rate": 0.5},
        "minibatch_size": 8,
        "last_minibatch": 3,
        "seed": 2,
    },
    # One past a vector of 4, 8 and 16 lanes, and minibatches of 16 + 3 and of 1.
    {
        "sizes": [13, 17, 9, 5, 4],
        "activation": "sigmoid",
        "cost": "quadratic",
        "optimiser": {"name": "sgd", "learning_rate": 2.3},
        "minibatch_size": 19,
        "last_minibatch": 1,
        "seed": 3,
    },
    # The other optimisers.
    {
        "sizes": [3, 4, 2],
        "activation": "sigmoid",
        "cost": "quadratic",
        "optimiser": {"name": "momentum", "learning_rate": 0.7, "momentum": 0.9},
        "minibatch_size": 5,
        "last_minibatch": 2,
        "seed": 4,
    },
    {
        "sizes": [9, 17, 3],
        "activation": "sigmoid",
        "cost": "quadratic",
        "optimiser": {"name": "nesterov", "learning_rate": 0.4, "momentum": 0.8},
        "minibatch_size": 7,
        "last_minibatch": 1,
        "seed": 5,
    },
    {
        "sizes": [9, 17, 4],
        "activation": "sigmoid",
        "cost": "quadratic",
        "optimiser": {"name": "adam", "learning_rate": 0.02, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8},
        "minibatch_size": 8,
        "last_minibatch": 3,
        "seed": 6,
    },
    {
        "sizes": [5, 6, 5, 3],
        "activation": "sigmoid",
        "cost": "quadratic",
        "optimiser": {"name": "adamw", "learning_rate": 0.02, "beta1": 0.8, "beta2": 0.99, "epsilon": 1e-6, "decay": 0.4},
        "minibatch_size": 6,
        "last_minibatch": 2,
        "seed": 7,
    },
    {
        "sizes": [4, 6, 3],
        "activation": "sigmoid",
        "cost": "quadratic",
        "optimiser": {"name": "adagrad", "learning_rate": 0.1, "epsilon": 1e-6},
        "minibatch_size": 6,
        "last_minibatch": 2,
        "seed": 8,
    },
    {
        "sizes": [5, 9, 3],
        "activation": "sigmoid",
        "cost": "quadratic",
        "optimiser": {"name": "rmsprop", "learning_rate": 0.02, "alpha": 0.9, "epsilon": 1e-4},
        "minibatch_size": 5,
        "last_minibatch": 1,
        "seed": 9,
    },
    {
        "sizes": [6, 7, 2],
        "activation": "sigmoid",
        "cost": "quadratic",
        "optimiser": {"name": "centred-rmsprop", "learning_rate": 0.02, "alpha": 0.8, "epsilon": 0.01},
        "minibatch_size": 7,
        "last_minibatch": 3,
        "seed": 10,
    },
    {
        "sizes": [8, 10, 4],
        "activation": "sigmoid",
        "cost": "quadratic",
        "optimiser": {"name": "nadam", "learning_rate": 0.02, "beta1": 0.9, "beta2": 0.99, "epsilon": 1e-6, "psi": 0.01},
        "minibatch_size": 8,
        "last_minibatch": 3,
        "seed": 11,
    },
]
STEPS = 10
STEPS_PER_EPOCH = 5

# ---------------------------------------------------------------------------------------------
# Backpropagation, one example at a time


class Network:
    """Weights and biases; the lists start with a None so that w[l] is layer l's, as in Nielsen's book."""

    def __init__(self, sizes, activation, cost, w, b):
        self.sizes = sizes
        self.sigma, self.sigma_prime = ACTIVATIONS[activation]
        self.cost, self.cost_gradient = COSTS[cost]
        self.w = w
        self.b = b

    @property
    def last(self):
        """L, the number of the output layer."""
        return len(self.sizes) - 1

    def feedforward(self, x):
        """All weighted inputs and activations of one example; z[0] is None, a[0] the input."""
        z, a = [None], [x]
        for l in range(1, self.last + 1):
            z.append(self.w[l] @ a[l - 1] + self.b[l])
            a.append(self.sigma(z[l]))
        return z, a

    def backprop(self, x, y):
        """One example: z, a, delta of every layer, and the gradient of C_x."""
        z, a = self.feedforward(x)
        delta = [None] * (self.last + 1)
        delta[self.last] = self.cost_gradient(a[self.last], y) * self.sigma_prime(z[self.last])  # BP1
        for l in range(self.last - 1, 0, -1):
            delta[l] = (self.w[l + 1].T @ delta[l + 1]) * self.sigma_prime(z[l])  # BP2
        nabla_b = [None] + [delta[l] for l in range(1, self.last + 1)]  # BP3
        nabla_w = [None] + [delta[l] @ a[l - 1].T for l in range(1, self.last + 1)]  # BP4
        return z, a, delta, nabla_w, nabla_b

    def mean_cost(self, examples):
        return sum(self.cost(self.feedforward(x)[1][-1], y) for x, y in examples) / len(examples)

    def mean_gradient(self, examples):
        """The mean over a minibatch of the gradients of its examples."""
        nabla_w = [None] + [np.zeros_like(w) for w in self.w[1:]]
        nabla_b = [None] + [np.zeros_like(b) for b in self.b[1:]]
        for x, y in examples:
            _, _, _, dw, db = self.backprop(x, y)
            for l in range(1, self.last + 1):
                nabla_w[l] = nabla_w[l] + dw[l] / len(examples)
                nabla_b[l] = nabla_b[l] + db[l] / len(examples)
        return nabla_w, nabla_b


# ---------------------------------------------------------------------------------------------
# Starting values


def f32(value):
    """The nearest float32, as a float64."""
    return float(np.float32(value))


def normal(rng):
    """One draw from N(0, 1) by Box and Muller, rounded to float32."""
    radius = math.sqrt(-2.0 * math.log(1.0 - rng.random()))
    return f32(radius * math.cos(2.0 * math.pi * rng.random()))


def normal_matrix(rng, rows, columns):
    return np.array([[normal(rng) for _ in range(columns)] for _ in range(rows)])


def random_examples(rng, n, n_in, n_out):
    """Inputs like MNIST's: about half zeros, the rest 1/64 to 1; if there are many, input 1 is 0 in
    every example, as the border pixels are."""
    examples = []
    for _ in range(n):
        x = [0.0 if rng.random() < 0.5 else (1 + int(64 * rng.random())) / 64 for _ in range(n_in)]
        if n_in > 8:
            x[1] = 0.0
        y = np.zeros((n_out, 1))
        y[int(n_out * rng.random())] = 1.0
        examples.append((np.array(x).reshape(n_in, 1), y))
    return examples


def shuffled(rng, n):
    order = list(range(n))
    for i in range(n - 1, 0, -1):
        j = int((i + 1) * rng.random())
        order[i], order[j] = order[j], order[i]
    return order


def minibatches(rng, n, size):
    """Ten minibatches as lists of example numbers: two epochs, the second reshuffled. The last
    minibatch of each is smaller."""
    steps = []
    for epoch in range(STEPS // STEPS_PER_EPOCH):
        order = shuffled(rng, n) if epoch else list(range(n))
        steps += [order[start : start + size] for start in range(0, n, size)]
    return steps


def start(run):
    """The network, the examples and the minibatches a run starts from."""
    rng = random.Random(run["seed"])
    sizes = run["sizes"]
    w = [None] + [normal_matrix(rng, n, m) for m, n in zip(sizes, sizes[1:])]
    b = [None] + [normal_matrix(rng, n, 1) for n in sizes[1:]]
    n = (STEPS_PER_EPOCH - 1) * run["minibatch_size"] + run["last_minibatch"]
    examples = random_examples(rng, n, sizes[0], sizes[-1])
    steps = minibatches(rng, n, run["minibatch_size"])
    return Network(sizes, run["activation"], run["cost"], w, b), examples, steps


# ---------------------------------------------------------------------------------------------
# One golden run


def column(v):
    return v[:, 0].tolist()


def computed(value):
    """Lists of computed numbers, to 12 significant digits."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, list):
        return [computed(v) for v in value]
    return float(f"{value:.12g}")


def parameters(net):
    return {"w": [w.tolist() for w in net.w[1:]], "b": [column(b) for b in net.b[1:]]}


def first_minibatch(net, examples):
    """Everything backpropagation computes for one minibatch."""
    passes = [net.backprop(x, y) for x, y in examples]
    nabla_w, nabla_b = net.mean_gradient(examples)
    layers = range(1, net.last + 1)
    rows = lambda field: [[column(p[field][l]) for p in passes] for l in layers]
    return {
        "costs": computed([net.cost(p[1][net.last], y) for p, (_, y) in zip(passes, examples)]),
        "mean_cost": computed(net.mean_cost(examples)),
        "z": computed(rows(0)),
        "a": computed(rows(1)),
        "delta": computed(rows(2)),
        "nabla_w": computed([g.tolist() for g in nabla_w[1:]]),
        "nabla_b": computed([column(g) for g in nabla_b[1:]]),
    }


def train(net, examples, steps, optimiser):
    """Trains on the minibatches in turn; the mean cost of each before its update."""
    make = OPTIMISERS[optimiser["name"]]
    update_w, update_b = make(optimiser, True), make(optimiser, False)
    costs = []
    for step in steps:
        minibatch = [examples[i] for i in step]
        costs.append(net.mean_cost(minibatch))
        nabla_w, nabla_b = net.mean_gradient(minibatch)
        net.w[1:] = update_w(net.w[1:], nabla_w[1:])
        net.b[1:] = update_b(net.b[1:], nabla_b[1:])
    return costs


def golden(run):
    net, examples, steps = start(run)
    optimiser = dict(run["optimiser"], learning_rate=f32(run["optimiser"]["learning_rate"]))
    document = {
        "made_by": MADE_BY,
        "sizes": run["sizes"],
        "activation": run["activation"],
        "cost": run["cost"],
        "optimiser": optimiser,
        "seed": run["seed"],
        "x": [column(x) for x, _ in examples],
        "y": [column(y) for _, y in examples],
        "initial": parameters(net),
        "minibatches": steps,
        "first_minibatch": first_minibatch(net, [examples[i] for i in steps[0]]),
    }
    document["step_costs"] = computed(train(net, examples, steps, optimiser))
    document["final"] = {name: computed(value) for name, value in parameters(net).items()}
    return document


def file_name(run):
    sizes = "-".join(map(str, run["sizes"]))
    return f"{run['activation']}-{run['cost']}-{run['optimiser']['name']}-{sizes}.json"


# ---------------------------------------------------------------------------------------------
# JSON, one row of a matrix per line: small, and a change shows where it is


def to_json(value, indent=""):
    deeper = indent + " "
    if isinstance(value, dict):
        items = (f"{deeper}{json.dumps(k)}: {to_json(v, deeper)}" for k, v in value.items())
        return "{\n" + ",\n".join(items) + f"\n{indent}}}"
    if isinstance(value, list) and value and isinstance(value[0], list):
        return "[\n" + ",\n".join(deeper + to_json(v, deeper) for v in value) + f"\n{indent}]"
    if isinstance(value, list):
        return "[" + ", ".join(to_json(v) for v in value) + "]"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return json.dumps(value, allow_nan=False)


# ---------------------------------------------------------------------------------------------
# Checks


def check_gradients(run, h=1e-5):
    """Central differences for every weight and bias: |difference - gradient| stays below 1e-9, about
    what h^2 (truncation) and 1e-16/h (rounding) leave."""
    net, examples, steps = start(run)
    minibatch = [examples[i] for i in steps[0]]
    nabla_w, nabla_b = net.mean_gradient(minibatch)
    worst = 0.0
    for p, g in list(zip(net.w[1:], nabla_w[1:])) + list(zip(net.b[1:], nabla_b[1:])):
        for at in np.ndindex(p.shape):
            kept = p[at]
            p[at] = kept + h
            above = net.mean_cost(minibatch)
            p[at] = kept - h
            below = net.mean_cost(minibatch)
            p[at] = kept
            worst = max(worst, abs((above - below) / (2 * h) - g[at]))
    if not worst < 1e-9:
        raise SystemExit(f"{file_name(run)}: central differences disagree with the gradient by {worst:.1e}")
    return worst


def check_worked_neuron():
    """The worked example of docs/backprop.md, to the digits printed there."""
    w, b = np.array([[2.0, -3.0]]), np.array([[-3.0]])
    x, y = np.array([[-1.0], [-2.0]]), np.array([[1.0]])
    net = Network([2, 1], "sigmoid", "quadratic", [None, w], [None, b])
    z, a, delta, nabla_w, nabla_b = net.backprop(x, y)
    plain = sgd({"learning_rate": 1.0}, True)
    net.w[1:], net.b[1:] = plain([w], nabla_w[1:]), plain([b], nabla_b[1:])
    found = [z[1], a[1], a[1] - y, sigmoid_prime(z[1]), delta[1], nabla_w[1], net.w[1], net.b[1], net.feedforward(x)[1][1]]
    found = [float(f"{v:.6f}") for part in found for v in part.ravel()]
    expected = [1, 0.731059, -0.268941, 0.196612, -0.052877, 0.052877, 0.105754, 1.947123, -3.105754, -2.947123, 0.788726]
    if found != expected:
        raise SystemExit(f"worked neuron: expected {expected}, found {found}")


def differences(old, new, where=""):
    """Where two documents differ. Computed numbers may differ in the last digits (another libm)."""
    if isinstance(old, dict) and isinstance(new, dict) and old.keys() == new.keys():
        return [d for k in old for d in differences(old[k], new[k], f"{where}.{k}")]
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return [d for i, (o, n) in enumerate(zip(old, new)) for d in differences(o, n, f"{where}[{i}]")]
    given = not where.startswith((".first_minibatch", ".step_costs", ".final"))
    numbers = isinstance(old, (int, float)) and isinstance(new, (int, float))
    if old == new or (numbers and not given and math.isclose(old, new, rel_tol=1e-10, abs_tol=1e-15)):
        return []
    return [f"{where[1:]}: committed {str(old)[:60]}, made again {str(new)[:60]}"]


def compare(run):
    path = GOLDEN / file_name(run)
    if not path.exists():
        return [f"{path.name}: not in {GOLDEN.name}/; write it with reference/golden.py"]
    made = json.loads(to_json(golden(run)))
    found = differences(json.loads(path.read_text(encoding="utf-8")), made)
    return [f"{path.name}: {d}" for d in found[:5]]


def main():
    parser = argparse.ArgumentParser(description="Write the golden runs, or check the committed ones.")
    parser.add_argument("--check", action="store_true", help="compare with the committed files, write nothing")
    check = parser.parse_args().check

    check_worked_neuron()
    wrong = []
    for run in RUNS:
        worst = check_gradients(run)
        print(f"{file_name(run)}: gradients within {worst:.1e} of central differences")
        if check:
            wrong += compare(run)
        else:
            GOLDEN.mkdir(exist_ok=True)
            (GOLDEN / file_name(run)).write_text(to_json(golden(run)) + "\n", encoding="utf-8")
    known = {file_name(run) for run in RUNS}
    wrong += [f"{p.name}: no run makes this file" for p in sorted(GOLDEN.glob("*")) if p.name not in known]
    print("\n".join(wrong) or f"{len(RUNS)} golden runs {'agree' if check else 'written'}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
