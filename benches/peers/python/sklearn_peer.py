"""scikit-learn's MLPClassifier, one partial_fit a slice: it shuffles the slice and takes its minibatches itself."""

import warnings

import numpy as np
import sklearn
from peer import Order, Peer
from sklearn.neural_network import MLPClassifier


class ScikitLearn(Peer):
    name, version = "scikit-learn", sklearn.__version__

    def __init__(self, job, threads, data, rng):
        warnings.filterwarnings("ignore")
        differs = ["first weights Glorot-uniform"]
        # Labels as rows of 0 and 1 make its outputs sigmoids and its loss the binary cross-entropy, summed.
        self.multilabel = job.cost != "softmax-cross-entropy"
        eta = job.eta
        if job.cost == "quadratic":
            # Its classifier has no quadratic cost; with this one, eta of the quadratic would be too large.
            eta = 0.5
            differs.append("binary cross-entropy instead of the quadratic cost, eta 0.5")
        self.differs = "; ".join(differs)
        self.images, self.test = data.images, data.test
        self.targets = data.targets.astype(int) if self.multilabel else data.labels
        self.whole = job.slice >= len(data.labels)
        self.model = MLPClassifier(
            hidden_layer_sizes=tuple(job.sizes[1:-1]),
            activation={"sigmoid": "logistic", "relu": "relu"}[job.hidden],
            solver=job.optimizer,
            alpha=0.0,
            batch_size=job.batch,
            learning_rate_init=eta,
            momentum=0.0,
            nesterovs_momentum=False,
            shuffle=True,
            random_state=int(rng.integers(2**31)),
        )
        self.order = Order(len(data.labels), rng)
        self.classes = None if self.multilabel else np.arange(10)

    def train(self, examples):
        if self.whole:
            self.model.partial_fit(self.images, self.targets, classes=self.known())
            return len(self.images)
        rows = self.order.take(examples)
        self.model.partial_fit(self.images[rows], self.targets[rows], classes=self.known())
        return len(rows)

    def known(self):
        """The classes, which the first call of a fit has to be told."""
        return np.arange(10) if not hasattr(self.model, "classes_") else None

    def predict(self, first, last):
        return self.model.predict_proba(self.test[first:last])
