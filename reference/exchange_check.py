"""Holds exported networks against the programs that they are for: `exchange_check.py FOLDER`, which the example `networks` of
crates/exchange has filled. Every graph passes the full check of onnx and answers in onnxruntime as the library does; PyTorch and
scikit-learn load the weights and answer alike. `cargo xtask exchange` runs it.

Outputs are equal if they differ by at most 1e-5 of the largest of their row, or, of a network with one output, which may pass through
0, of the mean size of all. Classes are equal wherever the two largest outputs of a
row differ by more than that."""

import json
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from sklearn.neural_network import MLPClassifier
from torch import nn

FOLDER = Path(sys.argv[1])
TOLERANCE = 1e-5
torch.set_num_threads(1)


class LecunTanh(nn.Module):
    def forward(self, z):
        return 1.7159 * torch.tanh(z * (2 / 3))


def activation(label):
    name, _, parameter = label.rstrip(")").partition("(")
    made = {
        "identity": nn.Identity, "sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "relu": nn.ReLU, "selu": nn.SELU, "silu": nn.SiLU,
        "mish": nn.Mish, "softplus": nn.Softplus, "lecun-tanh": LecunTanh, "gelu": lambda: nn.GELU("tanh"),
        "softmax": lambda: nn.Softmax(1), "leaky-relu": lambda: nn.LeakyReLU(float(parameter)),
        "elu": lambda: nn.ELU(float(parameter)),
    }
    return made[name]()


def worst(found, expected):
    """The largest difference, as a share of the size of the outputs."""
    assert found.shape == expected.shape, (found.shape, expected.shape)
    size = np.abs(expected).max(axis=1, keepdims=True)
    if expected.shape[1] == 1:
        size = np.maximum(size, np.sqrt(np.square(expected, dtype=float).mean()))
    return float((np.abs(found - expected) / np.maximum(size, 1e-30)).max())


def graph(case, inputs, expected):
    path = FOLDER / f"{case['name']}.onnx"
    model = onnx.load(str(path))
    onnx.checker.check_model(model, full_check=True)
    assert (model.ir_version, model.opset_import[0].version) == (8, 13)
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    assert json.loads(metadata["minibatch"])["version"] == 1
    if case["classes"]:
        assert json.loads(metadata["class_names"]) == case["classes"]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    answers = dict(zip(names, session.run(None, {session.get_inputs()[0].name: inputs})))
    difference = worst(answers["outputs"], expected)
    if "classes" in answers and expected.shape[1] > 1:
        ordered = np.sort(expected, axis=1)
        clear = ordered[:, -1] - ordered[:, -2] > TOLERANCE * np.abs(ordered).max(axis=1)
        assert (answers["classes"] == expected.argmax(axis=1))[clear].all(), case["name"]
    halves = np.abs(expected - 0.5) > TOLERANCE
    if "classes" in answers and expected.shape[1] == 1:
        assert (answers["classes"] == (expected[:, 0] > 0.5))[halves[:, 0]].all(), case["name"]
    if "labels" in answers:
        assert (answers["labels"] == (expected > 0.5))[halves].all(), case["name"]
    kinds = [kind for kind in ("classes", "labels", "values") if kind in answers]
    assert len(kinds) <= 1 and (case["classes"] is None or kinds == ["classes"]), case["name"]
    if case["values"]:
        mean, deviation = np.array(case["values"]).T
        difference = max(difference, worst(answers["values"], expected.astype(float) * deviation + mean))
    # A batch of one has the same answers.
    one = session.run(["outputs"], {session.get_inputs()[0].name: inputs[:1]})[0]
    return max(difference, worst(one, expected[:1]))


def sequential(case, inputs, expected):
    path = FOLDER / f"{case['name']}.safetensors"
    with safe_open(path, "pt") as file:
        description = json.loads(file.metadata()["minibatch"])
    (network,) = description["networks"]
    layers = []
    for sizes, label in zip(zip(network["sizes"], network["sizes"][1:]), network["activations"]):
        layers += [nn.Linear(*sizes), activation(label)]
    model = nn.Sequential(*layers)
    model.load_state_dict(load_file(path))
    with torch.no_grad():
        return worst(model(torch.tensor(inputs)).numpy(), expected)


def perceptron(case, inputs, expected):
    """scikit-learn's own forward pass, on float64."""
    arrays = np.load(FOLDER / f"{case['name']}.npz")
    assert json.loads(arrays["minibatch.json"])["version"] == 1
    hidden = {"sigmoid": "logistic"}.get(case["activations"][0], case["activations"][0])
    model = MLPClassifier((arrays["coefs_0"].shape[1],), activation=hidden, max_iter=1)
    model.partial_fit(inputs[:20].astype(float), np.arange(20) % 10, classes=np.arange(10))
    model.coefs_ = [arrays[f"coefs_{i}"].astype(float) for i in range(2)]
    model.intercepts_ = [arrays[f"intercepts_{i}"].astype(float) for i in range(2)]
    return worst(model.predict_proba(inputs.astype(float)), expected)


def main():
    cases = json.loads((FOLDER / "cases.json").read_text())
    worsts = {}
    for case in cases:
        name = case["name"]
        kind = np.uint8 if case["inputs"] == "pixels.bin" else np.float32
        inputs = np.fromfile(FOLDER / case["inputs"], kind)
        expected = np.fromfile(FOLDER / f"{name}.bin", np.float32)
        inputs = inputs.reshape(-1, *case["shape"])
        expected = expected.reshape(len(inputs), -1)
        found = {"onnxruntime": graph(case, inputs, expected)}
        if name.startswith("numbers-"):
            found["torch"] = sequential(case, inputs, expected)
            first, last = case["activations"]
            if last == "softmax" and first in ("identity", "sigmoid", "tanh", "relu"):
                found["scikit-learn"] = perceptron(case, inputs, expected)
        for program, difference in found.items():
            assert difference <= TOLERANCE, (name, program, difference)
            worsts.setdefault(program, []).append((difference, name))
    for program, all_of_it in worsts.items():
        difference, name = max(all_of_it)
        print(f"{program:14} {len(all_of_it):4} networks agree; the largest difference is {difference:.1e} ({name})")


main()
