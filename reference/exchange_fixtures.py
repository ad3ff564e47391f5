"""Makes the fixtures of crates/exchange/tests/fixtures: networks that PyTorch, scikit-learn and onnx wrote, with the outputs that
they and onnxruntime have for a few inputs. `cargo xtask exchange --fixtures` runs it."""

import json
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper
from safetensors.torch import save_file
from sklearn.neural_network import MLPClassifier, MLPRegressor
from torch import nn

FOLDER = Path(sys.argv[1])
INPUTS = np.random.default_rng(7).uniform(-2, 2, (6, 5)).astype(np.float32)
cases = []


def case(name, outputs, **more):
    """Notes a file, with what its maker answers for INPUTS."""
    cases.append({"file": name, "outputs": np.asarray(outputs, np.float32).tolist(), **more})


def torch_networks():
    torch.manual_seed(3)
    network = nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 4), nn.ReLU(), nn.Linear(4, 3), nn.Softmax(1))
    save_file(network.state_dict(), FOLDER / "torch.safetensors")
    outputs = network(torch.tensor(INPUTS)).detach()
    told = {"activation": "relu", "output_activation": "softmax"}
    case("torch.safetensors", outputs, **told)
    half = {name: tensor.to(torch.bfloat16) for name, tensor in network.state_dict().items()}
    save_file(half, FOLDER / "torch-bf16.safetensors")
    rounded = nn.Sequential(*(type(m)(m.in_features, m.out_features) if isinstance(m, nn.Linear) else m for m in network))
    rounded.load_state_dict({name: tensor.float() for name, tensor in half.items()})
    case("torch-bf16.safetensors", rounded(torch.tensor(INPUTS)).detach(), **told)
    for name, activation in [("gelu", nn.GELU("tanh")), ("silu", nn.SiLU()), ("mish", nn.Mish()), ("elu", nn.ELU(0.7)),
                             ("leaky-relu", nn.LeakyReLU(0.2)), ("selu", nn.SELU()), ("softplus", nn.Softplus())]:
        network = nn.Sequential(nn.Flatten(), nn.Linear(5, 4), activation, nn.Linear(4, 2), nn.Sigmoid())
        exported(f"torch-{name}.onnx", network)
    exact = nn.Sequential(nn.Linear(5, 4), nn.GELU(), nn.Linear(4, 2))
    exported("torch-exact-gelu.onnx", exact, refused="the exact GELU; the library's is the tanh form")


def exported(name, network, refused=None):
    path = FOLDER / name
    torch.onnx.export(network, torch.tensor(INPUTS), str(path), dynamo=False, opset_version=13, input_names=["x"],
                      output_names=["y"], dynamic_axes={"x": {0: "n"}, "y": {0: "n"}})
    checked(path)
    case(name, network(torch.tensor(INPUTS)).detach(), **({"refused": refused} if refused else {}))


def checked(path):
    onnx.checker.check_model(str(path), full_check=True)


def scikit_learn():
    rng = np.random.default_rng(5)
    x, classes = rng.normal(size=(90, 5)), rng.integers(0, 3, 90)
    classifier = MLPClassifier((7,), activation="tanh", max_iter=5, random_state=1)
    regressor = MLPRegressor(hidden_layer_sizes=(6, 4), activation="relu", max_iter=5, random_state=1)
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        classifier.fit(x, classes)
        regressor.fit(x, x[:, :2] ** 2)
    for name, model, outputs, told in [
        ("sklearn-classes.npz", classifier, classifier.predict_proba(INPUTS.astype(float)), ("tanh", "softmax")),
        ("sklearn-values.npz", regressor, regressor.predict(INPUTS.astype(float)), ("relu", "identity")),
    ]:
        arrays = {f"coefs_{i}": w for i, w in enumerate(model.coefs_)}
        arrays |= {f"intercepts_{i}": b for i, b in enumerate(model.intercepts_)}
        np.savez(FOLDER / name, **arrays)
        case(name, outputs, activation=told[0], output_activation=told[1])
    # A list of arrays, as Keras gives them, packed.
    both = zip(classifier.coefs_, classifier.intercepts_)
    arrays = [array.astype(np.float32) for pair in both for array in pair]
    np.savez_compressed(FOLDER / "keras-list.npz", *arrays)
    case("keras-list.npz", classifier.predict_proba(INPUTS.astype(float)), activation="tanh", output_activation="softmax")


def onnx_graphs():
    rng = np.random.default_rng(9)
    number = lambda *shape: rng.normal(size=shape).astype(np.float32)
    weights = {"w1": number(5, 4), "b1": number(4), "w2": number(4, 3), "b2": number(3)}
    scaling = {"mean": number(5), "spread": np.abs(number(5)) + 0.5}
    node = helper.make_node
    plain = [
        node("Sub", ["x", "mean"], ["centred"], "centred"),
        node("Div", ["centred", "spread"], ["scaled"], "scaled"),
        node("MatMul", ["scaled", "w1"], ["m1"], "m1"),
        node("Add", ["m1", "b1"], ["z1"], "z1"),
        node("Tanh", ["z1"], ["a1"], "a1"),
        node("MatMul", ["a1", "w2"], ["m2"], "m2"),
        node("Add", ["b2", "m2"], ["z2"], "z2"),
        node("Softmax", ["z2"], ["y"], "y", axis=-1),
        node("ArgMax", ["y"], ["class"], "class", axis=1, keepdims=0),
    ]
    graph("scaled.onnx", plain, weights | scaling)
    pixels = [node("Div", ["x", "white"], ["scaled"], "scaled"), *plain[2:-1]]
    graph("pixels.onnx", pixels, weights | {"white": np.float32(255)}, divided=255)
    gelu = [node("Gemm", ["x", "w1", "b1"], ["z1"], "z1"), node("Gelu", ["z1"], ["a1"], "gelu", approximate="tanh")]
    gelu += [node("MatMul", ["a1", "w2"], ["y"], "y")]
    graph("gelu.onnx", gelu, weights, opset=20)
    skip = [*plain[2:4], node("Tanh", ["z1"], ["a1"]), node("Add", ["a1", "m1"], ["sum"], "skip")]
    skip += [node("MatMul", ["sum", "w2"], ["m2"]), node("Add", ["m2", "b2"], ["y"])]
    skip[0].input[0] = "x"
    graph("skip.onnx", skip, weights, refused="node 3 (Add 'skip'): expected the outputs of layer 1, as layers follow one another, found what they were before something was added to them")
    norm = {name: np.ones(4, np.float32) for name in ["scale", "shift", "running-mean", "variance"]}
    batch = [node("MatMul", ["x", "w1"], ["m1"]), node("BatchNormalization", ["m1", *norm], ["a1"], "norm")]
    batch += [node("MatMul", ["a1", "w2"], ["y"])]
    graph("norm.onnx", batch, weights | norm, refused="node 1 (BatchNormalization 'norm')")


def graph(name, nodes, constants, refused=None, divided=1, opset=13):
    value = lambda name, kind, *shape: helper.make_tensor_value_info(name, kind, ["n", *shape])
    outputs = [value("y", TensorProto.FLOAT, 3)]
    if any("class" in node.output for node in nodes):
        outputs.append(value("class", TensorProto.INT64))
    used = {name for node in nodes for name in node.input}
    made = helper.make_graph(nodes, name, [value("x", TensorProto.FLOAT, 5)], outputs,
                             [numpy_helper.from_array(array, key) for key, array in constants.items() if key in used])
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", opset)], ir_version=8 if opset == 13 else 9)
    path = FOLDER / name
    onnx.save(model, str(path))
    checked(path)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    # A graph that divides by 255 is given 255 times the inputs.
    case(name, session.run(["y"], {"x": INPUTS * divided})[0], **({"refused": refused} if refused else {}))


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    torch_networks()
    scikit_learn()
    onnx_graphs()
    text = json.dumps({"inputs": INPUTS.tolist(), "cases": cases}, indent=1)
    (FOLDER / "cases.json").write_text(text + "\n")
    print(f"{len(cases)} fixtures")


main()
