"""PyTorch: a module, autograd and an optimiser, as its tutorials write it; fused, compiled and in bf16 besides."""

import contextlib

import numpy as np
import torch
from peer import ADAM, Order, Peer, initial
from torch import nn


class Net(nn.Module):
    """Ends with the pre-activations of the outputs, from which the costs are computed."""

    def __init__(self, job, rng):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(n, m) for n, m in zip(job.sizes, job.sizes[1:]))
        self.activate = torch.sigmoid if job.hidden == "sigmoid" else torch.relu
        with torch.no_grad():
            for layer, (w, b) in zip(self.layers, initial(job, rng)):
                layer.weight.copy_(torch.from_numpy(w.T))
                layer.bias.copy_(torch.from_numpy(b))

    def forward(self, x):
        *hidden, last = self.layers
        for layer in hidden:
            x = self.activate(layer(x))
        return last(x)


def cost(job, z, y, labels):
    if job.cost == "quadratic":
        return 0.5 * (torch.sigmoid(z) - y).square().sum() / len(z)
    if job.cost == "binary-cross-entropy":
        return nn.functional.binary_cross_entropy_with_logits(z, y, reduction="sum") / len(z)
    return nn.functional.cross_entropy(z, labels)


class Eager(Peer):
    name, version = "PyTorch, eager", torch.__version__
    fused = False

    def __init__(self, job, threads, data, rng):
        torch.set_num_threads(threads)
        self.job = job
        self.images, self.targets, self.test = map(torch.from_numpy, (data.images, data.targets, data.test))
        self.labels = torch.from_numpy(data.labels.astype(np.int64))
        self.net = Net(job, rng)
        if job.optimizer == "adam":
            beta1, beta2, epsilon = ADAM
            self.optimizer = torch.optim.Adam(self.net.parameters(), lr=job.eta, betas=(beta1, beta2), eps=epsilon, fused=self.fused)
        else:
            self.optimizer = torch.optim.SGD(self.net.parameters(), lr=job.eta, fused=self.fused)
        self.order = Order(len(data.labels), rng)
        self.prepare()

    def prepare(self):
        self.loss = lambda x, y, labels: cost(self.job, self.net(x), y, labels)
        self.forward = self.net

    def context(self):
        return contextlib.nullcontext()

    def train(self, examples):
        rows = torch.from_numpy(self.order.take(examples))
        softmax = self.job.cost == "softmax-cross-entropy"
        for part in rows.split(self.job.batch):
            x = self.images.index_select(0, part)
            y = None if softmax else self.targets.index_select(0, part)
            labels = self.labels.index_select(0, part) if softmax else None
            self.optimizer.zero_grad()
            with self.context():
                loss = self.loss(x, y, labels)
            loss.backward()
            self.optimizer.step()
        return len(rows)

    def predict(self, first, last):
        with torch.inference_mode(), self.context():
            return self.forward(self.test[first:last])

    def outputs(self, array):
        return array.float().numpy()


class Fused(Eager):
    name, fused = "PyTorch, fused optimiser", True


class Compiled(Eager):
    name, fused = "PyTorch, torch.compile", True

    def prepare(self):
        # Forward, cost and, through autograd, the backward pass; one graph for each size of minibatch.
        self.loss = torch.compile(lambda x, y, labels: cost(self.job, self.net(x), y, labels), dynamic=False)
        self.forward = torch.compile(self.net, dynamic=False)


class Bf16(Compiled):
    name, differs = "PyTorch, bf16 autocast and torch.compile", "products in bf16: another arithmetic"

    def context(self):
        return torch.autocast("cpu", dtype=torch.bfloat16)
