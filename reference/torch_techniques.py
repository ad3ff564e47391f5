#!/usr/bin/env python3
"""Takes the golden runs of techniques.py in PyTorch, in float64, and compares: `cargo xtask torch`.

What PyTorch has is PyTorch's own: autograd, `torch.optim` with its `weight_decay`, the schedulers, `CrossEntropyLoss` with `weight` and
`label_smoothing`, clipping, `AveragedModel`, `renorm`. What it hasn't, the schedules inverse-scaling and coslog4 and those with an end
or a warm-up, is a formula for `LambdaLR`. Each tensor has an optimiser and a scheduler of its own, so that limits of the rate, which
are absolute in PyTorch, follow the groups.

One pair differs by definition: under one-cycle PyTorch's Adam corrects its bias with the power of the present β₁, ours with the
product of all so far (docs/optimizers.md). Those runs must differ.
"""

import json
import math
import sys
from pathlib import Path

import torch
from torch.optim import lr_scheduler as schedulers
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

FILE = Path(__file__).resolve().parent / "golden-techniques.json"
UNIT = 1e-8
# The file has whole units. renorm divides by a norm that is 1e-7 too large.
TOLERANCE, OF_RENORM = 1.5e-8, 1e-6


def parse(text):
    name, _, rest = text.partition("(")
    return name, [float(number) for number in rest.rstrip(")").split(",") if number]


def optimiser(text, parameters, rate, penalty, decay):
    """`penalty` is L2's λ, `decay` that of decoupled decay. Returns what of both PyTorch's optimiser doesn't do itself."""
    name, numbers = parse(text)
    lr = {"params": parameters, "lr": rate}
    if name in ("adam", "nadam", "adamw"):
        lr |= {"betas": tuple(numbers[:2]), "eps": numbers[2]}
    if name == "adamw":
        is_weight = parameters[0].dim() == 2
        return torch.optim.AdamW(**lr, weight_decay=numbers[3] if is_weight else 0.0), penalty, decay
    if name in ("adam", "nadam"):
        kind = torch.optim.Adam if name == "adam" else torch.optim.NAdam
        more = {} if name == "adam" else {"momentum_decay": numbers[3]}
        return kind(**lr, **more, weight_decay=penalty or decay, decoupled_weight_decay=decay > 0.0), 0.0, 0.0
    lr["weight_decay"] = penalty
    if name in ("sgd", "momentum", "nesterov"):
        made = torch.optim.SGD(**lr, momentum=numbers[0] if numbers else 0.0, nesterov=name == "nesterov")
    elif name == "adagrad":
        made = torch.optim.Adagrad(**lr, eps=numbers[0])
    else:
        made = torch.optim.RMSprop(**lr, alpha=numbers[0], eps=numbers[1], centered=name == "centred-rmsprop")
    return made, 0.0, decay


def scheduler(text, made, moves_momentum, steps, per_epoch):
    """The scheduler, and whether it takes a step after each `step`, each `epoch`, or each epoch with its `cost`."""
    name, n = parse(text)
    rate = made.param_groups[0]["lr"]
    after = lambda up, rest: lambda t: t / steps / up if t / steps < up else rest((t / steps - up) / (1.0 - up))
    own = {
        "inverse-scaling": lambda t: (t // per_epoch + 1) ** -n[0],
        "polynomial": lambda t: n[1] + (1.0 - n[1]) * (1.0 - t / steps) ** n[0],
        "linear": after(n[0] if n else 1.0, lambda x: 1.0 - (1.0 - n[1]) * x),
        "cosine": after(n[1] if n[1:] else 1.0, lambda x: n[0] + (1.0 - n[0]) * 0.5 * (1.0 + math.cos(math.pi * x))),
        "coslog4": lambda t: 0.5 * (1.0 - math.cos(2.0 * math.pi * math.log2(1.0 + (2 ** n[0] - 1.0) * t / steps))),
    }
    if name == "constant":
        return schedulers.ConstantLR(made, 1.0), "step"
    if name == "step":
        return schedulers.StepLR(made, round(n[0] * per_epoch), n[1]), "step"
    if name == "multi-step":
        return schedulers.MultiStepLR(made, [round(x * per_epoch) for x in n[1:]], n[0]), "step"
    if name == "exponential":
        return schedulers.ExponentialLR(made, n[0]), "epoch"
    if name == "warm-restarts":
        first = round(n[0] * per_epoch)
        return schedulers.CosineAnnealingWarmRestarts(made, first, int(n[1]), eta_min=n[2] * rate), "step"
    if name == "one-cycle":
        up, start, end = n
        cycle = {"cycle_momentum": moves_momentum, "div_factor": start, "final_div_factor": end, "pct_start": up}
        return schedulers.OneCycleLR(made, rate, total_steps=steps, **cycle), "step"
    if name == "plateau":
        limits = {"threshold": n[2], "min_lr": n[3] * rate, "eps": 0.0}
        return schedulers.ReduceLROnPlateau(made, factor=n[0], patience=int(n[1]), **limits), "cost"
    return schedulers.LambdaLR(made, own[name]), "step"


def network(sizes, numbers):
    layers, left = [], list(numbers)
    for inputs, outputs in zip(sizes, sizes[1:]):
        layer = torch.nn.Linear(inputs, outputs)
        with torch.no_grad():
            for parameter in (layer.weight, layer.bias):
                count = parameter.numel()
                parameter.copy_(torch.tensor(left[:count]).reshape(parameter.shape))
                left = left[count:]
        layers += [layer, torch.nn.Tanh() if not layers else torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-1])


def flat(model, factors):
    """All parameters. The factors of the inputs are in the first layer's weights."""
    first, *others = [p.detach() for p in model.parameters()]
    return torch.cat([(first * factors.detach()).ravel()] + [p.ravel() for p in others])


def run(golden, case):
    """All parameters at the end, and of the average."""
    settings = golden["settings"] | case["settings"]
    x, labels = torch.tensor(golden["x"]), torch.tensor(golden["labels"])
    batch, epochs, examples = settings["batch_size"], settings["epochs"], len(x)
    per_epoch = math.ceil(examples / batch)
    steps = per_epoch * epochs
    model = network(golden["sizes"], golden["initial"])
    groups = {"biases": 1.0, "layers": [], "fan_in": False} | settings.get("groups", {})
    of_layers = groups["layers"] + [1.0] * len(golden["sizes"])
    takers = []
    for i, p in enumerate(model.parameters()):
        is_weight = p.dim() == 2
        rate = settings["learning_rate"] * of_layers[i // 2] * (1.0 if is_weight else groups["biases"])
        if is_weight and groups["fan_in"]:
            rate /= math.sqrt(p.shape[1])
        penalties = [settings.get(name, 0.0) if is_weight else 0.0 for name in ("l2", "weight_decay")]
        made, penalty, decay = optimiser(settings["optimizer"], [p], rate, *penalties)
        moves = parse(settings["optimizer"])[0] in ("momentum", "nesterov", "adam", "adamw", "nadam")
        takers.append((p, made, *scheduler(settings["schedule"], made, moves, steps, per_epoch), penalty, decay))
    factors = torch.nn.Parameter(torch.ones(golden["sizes"][0]))
    if "input_scaling" in settings:
        rate = settings["learning_rate"] * settings["input_scaling"]
        made, *_ = optimiser(settings["optimizer"], [factors], rate, 0.0, 0.0)
        moves = parse(settings["optimizer"])[0] in ("momentum", "nesterov", "adam", "adamw", "nadam")
        takers.append((factors, made, *scheduler(settings["schedule"], made, moves, steps, per_epoch), 0.0, 0.0))
    weight = settings.get("class_weights", {}).get("list")
    weight = None if weight is None else torch.tensor(weight)
    loss = torch.nn.CrossEntropyLoss(weight, label_smoothing=settings.get("label_smoothing", 0.0))
    each = torch.nn.CrossEntropyLoss(weight, label_smoothing=settings.get("label_smoothing", 0.0), reduction="none")
    of_examples = torch.tensor(golden["sample_weights"]) if case.get("sample_weights") else None
    # How much each example counts, for the mean of an epoch.
    counts = of_examples if of_examples is not None else torch.ones(examples) if weight is None else weight[labels]
    average, (kind, numbers) = None, parse(settings.get("average", ""))
    if kind == "ema":
        average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(numbers[0]))
    if kind == "swa":
        average = AveragedModel(model)
    cost_sum = 0.0
    for t in range(steps):
        at = slice(t % per_epoch * batch, min(t % per_epoch * batch + batch, examples))
        model.zero_grad()
        factors.grad = None
        z = model(x[at] * factors)
        if of_examples is None:
            cost = loss(z, labels[at])
        else:
            cost = (each(z, labels[at]) * of_examples[at]).sum() / of_examples[at].sum()
        cost_sum += cost.item() * counts[at].sum().item()
        of_weights = [p for p, *_ in takers if p.dim() == 2]
        l1 = settings.get("l1", 0.0) * sum(p.abs().sum() for p in of_weights)
        l2 = sum(penalty / 2.0 * (p * p).sum() for p, _, _, _, penalty, _ in takers)
        (cost + l1 + l2).backward()
        clip, most = parse(settings.get("clip", ""))
        if clip == "norm":
            torch.nn.utils.clip_grad_norm_(model.parameters(), most[0])
        if clip == "value":
            torch.nn.utils.clip_grad_value_(model.parameters(), most[0])
        for p, made, _, _, _, decay in takers:
            with torch.no_grad():
                p.mul_(1.0 - made.param_groups[0]["lr"] * decay)
            made.step()
        if "max_norm" in settings:
            with torch.no_grad():
                for p in of_weights[:-1]:
                    p.copy_(torch.renorm(p, 2, 0, settings["max_norm"]))
        ends = (t + 1) % per_epoch == 0
        if kind == "ema" or kind == "swa" and ends and t + 1 > numbers[0] * steps:
            average.update_parameters(model)
        for _, _, plan, when, _, _ in takers:
            if when == "step" or when == "epoch" and ends:
                plan.step()
            if when == "cost" and ends:
                plan.step(cost_sum / counts.sum().item())
        if ends:
            cost_sum = 0.0
    return flat(model, factors), average and flat(average.module, factors)


def main():
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    golden = json.loads(FILE.read_text(encoding="utf-8"))
    wrong, others, worst = [], 0, 0.0
    for case in golden["cases"]:
        settings = case["settings"]
        last, average = run(golden, case)
        off = (last - torch.tensor(case["final"], dtype=torch.float64) * UNIT).abs().max().item()
        if average is not None:
            expected = torch.tensor(case["average"], dtype=torch.float64) * UNIT
            off = max(off, (average - expected).abs().max().item())
        pair = [parse(settings[name])[0] for name in ("optimizer", "schedule")]
        limit = OF_RENORM if "max_norm" in settings else TOLERANCE
        if pair[0] in ("adam", "adamw") and pair[1] == "one-cycle":
            others += 1
            agrees = off > limit
        else:
            agrees = off <= limit
            worst = max(worst, off if "max_norm" not in settings else 0.0)
        if not agrees:
            wrong.append(f"off by {off:.1e}: {json.dumps(settings)}")
    print("\n".join(wrong))
    agreed = len(golden["cases"]) - others - len(wrong)
    print(f"PyTorch {torch.__version__}: {agreed} runs agree to {worst:.1e}, {others} differ by definition, {len(wrong)} are wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
