"""PyTorch without autograd: the backward pass written out, every result into a buffer made once."""

import numpy as np
import torch
from peer import ADAM, Order, Peer, initial


class Buffers:
    def __init__(self, rows, sizes):
        self.a, self.prime, self.delta = ([torch.empty(rows, n) for n in sizes] for _ in range(3))
        self.y = torch.empty(rows, sizes[-1])


class Hand(Peer):
    name, version = "PyTorch, backward by hand", torch.__version__

    def __init__(self, job, threads, data, rng):
        torch.set_num_threads(threads)
        torch.set_grad_enabled(False)
        self.job = job
        self.images, self.targets, self.test = map(torch.from_numpy, (data.images, data.targets, data.test))
        layers = initial(job, rng)
        self.w, self.b = [torch.from_numpy(w) for w, _ in layers], [torch.from_numpy(b) for _, b in layers]
        if job.optimizer == "adam":
            self.gradients = [torch.empty_like(p) for p in [*self.w, *self.b]]
            for p, g in zip([*self.w, *self.b], self.gradients):
                p.grad = g
            beta1, beta2, epsilon = ADAM
            self.adam = torch.optim.Adam([*self.w, *self.b], lr=job.eta, betas=(beta1, beta2), eps=epsilon, fused=True)
        self.order = Order(len(data.labels), rng)
        self.buffers = {}

    def activate(self, z, last):
        if last and self.job.cost == "softmax-cross-entropy":
            torch.softmax(z, dim=1, out=z)
        elif last or self.job.hidden == "sigmoid":
            z.sigmoid_()
        else:
            z.relu_()

    def train(self, examples):
        rows = torch.from_numpy(self.order.take(examples))
        for part in rows.split(self.job.batch):
            self.step(part)
        return len(rows)

    def step(self, rows):
        job, w, b, L = self.job, self.w, self.b, len(self.w)
        if len(rows) not in self.buffers:
            self.buffers[len(rows)] = Buffers(len(rows), job.sizes)
        own = self.buffers[len(rows)]
        a, prime, delta = own.a, own.prime, own.delta
        torch.index_select(self.images, 0, rows, out=a[0])
        torch.index_select(self.targets, 0, rows, out=own.y)
        for l in range(L):
            torch.addmm(b[l], a[l], w[l], out=a[l + 1])
            self.activate(a[l + 1], l == L - 1)
        torch.sub(a[L], own.y, out=delta[L])
        if job.cost == "quadratic":
            self.times_slope(delta[L], a[L], prime[L], "sigmoid")
        adam = job.optimizer == "adam"
        step = -job.eta / len(rows)
        if adam:
            delta[L] /= len(rows)
        for l in range(L - 1, -1, -1):
            if l > 0:
                torch.mm(delta[l + 1], w[l].T, out=delta[l])
                self.times_slope(delta[l], a[l], prime[l], job.hidden)
            if adam:
                torch.mm(a[l].T, delta[l + 1], out=self.gradients[l])
                torch.sum(delta[l + 1], dim=0, out=self.gradients[L + l])
            else:
                # The update is the accumulation of the product.
                w[l].addmm_(a[l].T, delta[l + 1], alpha=step)
                b[l].add_(delta[l + 1].sum(dim=0), alpha=step)
        if adam:
            self.adam.step()

    @staticmethod
    def times_slope(delta, a, prime, activation):
        if activation == "sigmoid":
            torch.ops.aten.sigmoid_backward.grad_input(delta, a, grad_input=delta)
        else:
            torch.ops.aten.threshold_backward.grad_input(delta, a, 0, grad_input=delta)

    def predict(self, first, last):
        with torch.inference_mode():
            a = self.test[first:last]
            for l, (w, b) in enumerate(zip(self.w, self.b)):
                a = torch.addmm(b, a, w)
                self.activate(a, l == len(self.w) - 1)
            return a

    def outputs(self, array):
        return array.numpy()
