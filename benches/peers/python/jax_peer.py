"""JAX: a whole slice of an epoch in one lax.scan, compiled, with the parameters updated in place."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from peer import ADAM, Order, Peer, initial


def forward(layers, x, job):
    for l, (w, b) in enumerate(layers):
        z = x @ w + b
        if l < len(layers) - 1:
            x = jax.nn.sigmoid(z) if job.hidden == "sigmoid" else jax.nn.relu(z)
    return z


def cost(layers, x, y, job):
    z = forward(layers, x, job)
    if job.cost == "quadratic":
        return 0.5 * jnp.sum((jax.nn.sigmoid(z) - y) ** 2) / len(x)
    if job.cost == "binary-cross-entropy":
        return jnp.sum(jax.nn.softplus(z) - y * z) / len(x)
    return -jnp.sum(y * jax.nn.log_softmax(z)) / len(x)


class Jax(Peer):
    name, version = "JAX", jax.__version__

    def __init__(self, job, threads, data, rng):
        self.job = job
        self.images, self.targets, self.test = map(jnp.asarray, (data.images, data.targets, data.test))
        layers = [(jnp.asarray(w), jnp.asarray(b)) for w, b in initial(job, rng)]
        self.state = (layers, self.moments(layers), jnp.ones(2))
        self.order = Order(len(data.labels), rng)
        self.run = jax.jit(self.scan, donate_argnums=0)
        self.infer_jit = jax.jit(lambda layers, x: forward(layers, x, job))

    def moments(self, layers):
        return jax.tree.map(lambda p: (jnp.zeros_like(p), jnp.zeros_like(p)), layers) if self.job.optimizer == "adam" else None

    def scan(self, state, images, targets, rows):
        """`rows`: steps x B."""

        def step(state, rows):
            layers, moments, powers = state
            x, y = jnp.take(images, rows, axis=0, mode="clip"), jnp.take(targets, rows, axis=0, mode="clip")
            gradients = jax.grad(cost)(layers, x, y, self.job)
            if moments is None:
                return (jax.tree.map(lambda p, g: p - self.job.eta * g, layers, gradients), None, powers), None
            b1, b2, epsilon = ADAM
            powers = powers * jnp.array([b1, b2])
            # A leaf of `moments` is a pair (m, v), a leaf of `layers` an array.
            flat_p, tree = jax.tree.flatten(layers)
            flat_g, flat_m = jax.tree.leaves(gradients), jax.tree.leaves(moments)
            pairs = zip(flat_m[0::2], flat_m[1::2])
            new = [(b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g * g) for (m, v), g in zip(pairs, flat_g)]
            scale = self.job.eta / (1 - powers[0])
            p = [p - scale * m / (jnp.sqrt(v / (1 - powers[1])) + epsilon) for p, (m, v) in zip(flat_p, new)]
            return (jax.tree.unflatten(tree, p), jax.tree.unflatten(jax.tree.structure(moments), [x for pair in new for x in pair]), powers), None

        return lax.scan(step, state, rows)[0]

    def train(self, examples):
        rows, batch = self.order.take(examples), self.job.batch
        whole = len(rows) // batch * batch
        for part in (rows[:whole].reshape(-1, batch), rows[whole:].reshape(1, -1)):
            if part.size:
                self.state = self.run(self.state, self.images, self.targets, part.astype(np.int32))
        jax.block_until_ready(self.state)
        return len(rows)

    def predict(self, first, last):
        # Slicing an array of JAX's own would be a computation of its own.
        x = self.test if last - first == len(self.test) else self.data.test[first:last]
        return self.infer_jit(self.state[0], x)

    def outputs(self, array):
        return np.asarray(array)

    def wait(self, array):
        array.block_until_ready()
