#!/usr/bin/env python3
"""Reads event files with TensorBoard's own readers, and compares every scalar with what the run printed: `cargo xtask tensorboard`.

    tensorboard_check.py FOLDER PRINTED…

FOLDER has the event files of a run, the files PRINTED the JSON lines of its parts, the first and those that resumed it. An epoch that
several parts have is that of the last one.
"""

import json
import math
import struct
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.plugin_event_accumulator import EventAccumulator as OfPlugins


def epochs(paths):
    """The epochs that were printed, by their number, and the steps of an epoch."""
    found = {}
    for path in paths:
        with open(path) as lines:
            events = [json.loads(line) for line in lines]
        plan = events[0]
        found |= {event["epoch"]: event for event in events if event["event"] == "epoch"}
    batches = plan["training_examples"] / plan["batch_size"]
    return found, math.ceil(batches)


def expected(epoch):
    """The scalars that an epoch's object calls for, by their tags."""
    scalars = {"cost/training": epoch["cost"], "accuracy/training": epoch.get("accuracy")}
    for data in ["validation", "test"]:
        for figure in ["cost", "accuracy", "rmse"]:
            scalars[f"{figure}/{data}"] = (epoch.get(data) or {}).get(figure)
    scalars["run/learning_rate"] = epoch["learning_rate"]
    scalars["run/samples_per_second"] = epoch["samples_per_second"]
    for layer in epoch.get("layers", []):
        for figure in ["flat", "dead", "saturated", "error", "update"]:
            scalars[f"{figure}/layer_{layer['layer']}"] = layer[figure]
    return {tag: value for tag, value in scalars.items() if value is not None}


def single(value):
    """The number in single precision that an event file has."""
    return struct.unpack("<f", struct.pack("<f", value))[0]


def main():
    folder, *paths = sys.argv[1:]
    printed, steps = epochs(paths)
    called_for = {}
    for number, epoch in sorted(printed.items()):
        for tag, value in expected(epoch).items():
            called_for.setdefault(tag, []).append((number * steps, single(value)))

    scalars = EventAccumulator(folder, size_guidance={"scalars": 0}).Reload()
    tensors = OfPlugins(folder, size_guidance={"tensors": 0}).Reload()
    read = {
        "EventAccumulator": {
            tag: [(event.step, single(event.value)) for event in scalars.Scalars(tag)]
            for tag in scalars.Tags()["scalars"]
        },
        "the plugins' EventAccumulator": {
            tag: [(event.step, single(event.tensor_proto.float_val[0])) for event in tensors.Tensors(tag)]
            for tag in tensors.Tags()["tensors"]
        },
    }
    wrong = 0
    for reader, found in read.items():
        for tag in sorted(called_for.keys() | found.keys()):
            if found.get(tag) != called_for.get(tag):
                print(f"{reader}, {tag}: expected {called_for.get(tag)}, found {found.get(tag)}", file=sys.stderr)
                wrong += 1
    if wrong or len(called_for) < 10:
        sys.exit(f"{wrong} tags differ, {len(called_for)} are called for")
    values = sum(map(len, called_for.values()))
    print(f"TensorBoard's two readers find the {values} scalars of {len(called_for)} tags and {len(printed)} epochs as printed")


if __name__ == "__main__":
    main()
