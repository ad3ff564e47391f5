"""numpy: whole minibatches in float32 with every buffer made once, and the tutorial's loop over examples."""

import numpy as np
from peer import ADAM, Order, Peer, initial


def sigmoid_in_place(z):
    np.negative(z, out=z)
    np.exp(z, out=z)
    z += 1
    np.reciprocal(z, out=z)


def softmax_in_place(z):
    z -= z.max(axis=1, keepdims=True)
    np.exp(z, out=z)
    z /= z.sum(axis=1, keepdims=True)


def activate(z, job, last):
    if last and job.cost == "softmax-cross-entropy":
        softmax_in_place(z)
    elif last or job.hidden == "sigmoid":
        sigmoid_in_place(z)
    else:
        np.maximum(z, 0, out=z)


class Buffers:
    """What a step on `rows` examples needs besides the parameters."""

    def __init__(self, rows, sizes):
        self.a = [np.empty((rows, n), np.float32) for n in sizes]
        self.prime = [np.empty((rows, n), np.float32) for n in sizes]
        self.delta = [np.empty((rows, n), np.float32) for n in sizes]
        self.y = np.empty((rows, sizes[-1]), np.float32)


class Batched(Peer):
    name, version = "numpy", np.__version__

    def __init__(self, job, threads, data, rng):
        self.job, self.images, self.targets, self.test = job, data.images, data.targets, data.test
        self.w, self.b = map(list, zip(*initial(job, rng)))
        self.dw, self.db = [np.empty_like(w) for w in self.w], [np.empty_like(b) for b in self.b]
        self.adam = [np.zeros_like(p) for p in [*self.w, *self.w, *self.b, *self.b]] if job.optimizer == "adam" else None
        self.powers = [1.0, 1.0]
        self.order = Order(len(data.labels), rng)
        self.buffers = {}

    def train(self, examples):
        trained = 0
        while trained < examples:
            rows = self.order.take(self.job.batch)
            self.step(rows)
            trained += len(rows)
            if self.order.position >= self.order.examples:
                break
        return trained

    def step(self, rows):
        job, w, b, L = self.job, self.w, self.b, len(self.w)
        if len(rows) not in self.buffers:
            self.buffers[len(rows)] = Buffers(len(rows), job.sizes)
        own = self.buffers[len(rows)]
        a, prime, delta = own.a, own.prime, own.delta
        # mode="clip" lets take() write straight into `out`; the rows are always in range.
        self.images.take(rows, axis=0, out=a[0], mode="clip")
        self.targets.take(rows, axis=0, out=own.y, mode="clip")
        for l in range(L):
            np.matmul(a[l], w[l], out=a[l + 1])
            a[l + 1] += b[l]
            activate(a[l + 1], job, l == L - 1)
        np.subtract(a[L], own.y, out=delta[L])
        if job.cost == "quadratic":
            self.times_slope(delta[L], a[L], prime[L], "sigmoid")
        # eta/B goes into the small error matrices, not into the large gradients.
        delta[L] *= np.float32((job.eta if self.adam is None else 1.0) / len(rows))
        if self.adam is not None:
            self.powers = [power * beta for power, beta in zip(self.powers, ADAM)]
        for l in range(L - 1, -1, -1):
            if l > 0:
                np.matmul(delta[l + 1], w[l].T, out=delta[l])
                self.times_slope(delta[l], a[l], prime[l], job.hidden)
            np.matmul(a[l].T, delta[l + 1], out=self.dw[l])
            np.sum(delta[l + 1], axis=0, out=self.db[l])
            if self.adam is None:
                w[l] -= self.dw[l]
                b[l] -= self.db[l]
            else:
                self.descend(w[l], self.dw[l], self.adam[l], self.adam[L + l])
                self.descend(b[l], self.db[l], self.adam[2 * L + l], self.adam[3 * L + l])

    @staticmethod
    def times_slope(delta, a, prime, activation):
        if activation == "sigmoid":
            np.subtract(1, a, out=prime)
            prime *= a
            delta *= prime
        else:
            np.greater(a, 0, out=prime)
            delta *= prime

    def descend(self, p, g, m, v):
        (b1, b2, epsilon), (p1, p2) = ADAM, self.powers
        m *= np.float32(b1)
        v *= np.float32(b2)
        m += np.float32(1 - b1) * g
        np.square(g, out=g)
        g *= np.float32(1 - b2)
        v += g
        np.sqrt(v, out=g)
        g *= np.float32((1 - p2) ** -0.5)
        g += np.float32(epsilon)
        np.divide(m, g, out=g)
        g *= np.float32(self.job.eta / (1 - p1))
        p -= g

    def predict(self, first, last):
        a = self.test[first:last]
        for l, (w, b) in enumerate(zip(self.w, self.b)):
            a = a @ w
            a += b
            activate(a, self.job, l == len(self.w) - 1)
        return a


class PerExample(Peer):
    """The tutorial's loop, float64, one example after the other as column vectors: the equations BP1 to BP4."""

    name, version, differs = "numpy, per example", np.__version__, "float64"

    def __init__(self, job, threads, data, rng):
        if job.hidden != "sigmoid" or job.optimizer != "sgd":
            raise ValueError("the tutorial's loop has sigmoid and plain SGD only")
        self.job, self.test = job, data.test.astype(np.float64)
        self.w = [w.T.astype(np.float64) for w, _ in initial(job, rng)]
        self.b = [np.zeros((len(w), 1)) + rng.standard_normal((len(w), 1)) for w in self.w]
        self.examples = [(x.astype(np.float64).reshape(-1, 1), y.astype(np.float64).reshape(-1, 1)) for x, y in zip(data.images, data.targets)]
        self.order = Order(len(data.labels), rng)

    def train(self, examples):
        trained = 0
        while trained < min(examples, 6_400):  # it is slow, and looks at the clock more often
            rows = self.order.take(self.job.batch)
            sum_w, sum_b = [np.zeros_like(p) for p in self.w], [np.zeros_like(p) for p in self.b]
            for i in rows:
                nabla_w, nabla_b = self.backprop(*self.examples[i])
                sum_w = [s + g for s, g in zip(sum_w, nabla_w)]
                sum_b = [s + g for s, g in zip(sum_b, nabla_b)]
            self.w = [p - (self.job.eta / len(rows)) * g for p, g in zip(self.w, sum_w)]
            self.b = [p - (self.job.eta / len(rows)) * g for p, g in zip(self.b, sum_b)]
            trained += len(rows)
            if self.order.position >= self.order.examples:
                break
        return trained

    def backprop(self, x, y):
        activations = [x]
        for w, b in zip(self.w, self.b):
            activations.append(1.0 / (1.0 + np.exp(-(np.dot(w, activations[-1]) + b))))
        a = activations[-1]
        delta = (a - y) * a * (1 - a) if self.job.cost == "quadratic" else a - y
        nabla_w, nabla_b = [None] * len(self.w), [None] * len(self.w)
        for l in range(len(self.w) - 1, -1, -1):
            a = activations[l]
            nabla_b[l], nabla_w[l] = delta, np.dot(delta, a.T)
            if l > 0:
                delta = np.dot(self.w[l].T, delta) * a * (1 - a)
        return nabla_w, nabla_b

    def predict(self, first, last):
        a = self.test[first:last].T
        for w, b in zip(self.w, self.b):
            a = 1.0 / (1.0 + np.exp(-(np.dot(w, a) + b)))
        return a.T
