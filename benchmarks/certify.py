"""Share of CDeepEx counterfactuals that hold, recomputed from the checkpoint files and the images alone.

    python benchmarks/certify.py --data-root DATA --data mnist --epsilon 1.0 0.1 3.0

Needs the checkpoints of ``configs/classifier/<data>.yaml`` and ``configs/vae/<data>.yaml``. An image counts as
solved when |llh_fact - llh_foil| <= tolerance and every other class is at least epsilon - tolerance below
both, for log-likelihoods computed here from the counterfactual, not taken from the explanation.
"""

import argparse
import json
import time

import torch
from torch import Tensor

from xaicf import load_frozen
from xaicf.core import Explanation, Subject
from xaicf.data import MNIST, FashionMNIST
from xaicf.explainers import CDeepEx

TOLERANCE = 0.01


def recheck(classifier: torch.nn.Module, explanation: Explanation, epsilon: float) -> tuple[Tensor, Tensor]:
    """Give, image by image, whether the tie holds and whether a third class wins."""
    assert explanation.counterfactual is not None
    with torch.no_grad():
        llh = classifier(explanation.counterfactual).log_softmax(1)
    holds, third = [], []
    for row, (fact, foil) in enumerate(zip(explanation.fact.tolist(), explanation.foil.tolist(), strict=True)):
        lower = min(llh[row, fact], llh[row, foil])
        best_other = max(llh[row, j] for j in range(llh.shape[1]) if j not in {fact, foil})
        tied = abs(llh[row, fact] - llh[row, foil]) <= TOLERANCE
        holds.append(bool(tied and lower - best_other >= epsilon - TOLERANCE))
        third.append(bool(best_other > lower))
    return torch.tensor(holds), torch.tensor(third)


def main() -> None:
    """Print one line for each problem and a JSON object last."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", choices=("mnist", "fashion_mnist"), default="mnist")
    parser.add_argument("--data-root")
    parser.add_argument("--runs", default="runs")
    parser.add_argument("--images", type=int, default=256)
    parser.add_argument("--epsilon", type=float, nargs="+", default=[1.0, 0.1, 3.0])
    args = parser.parse_args()
    data = (MNIST if args.data == "mnist" else FashionMNIST)(args.data_root)
    classifier = load_frozen(f"{args.runs}/classifier/{args.data}/best.ckpt")
    generator = load_frozen(f"{args.runs}/vae/{args.data}/best.ckpt")
    batch = data.samples(range(args.images), "test")
    with torch.no_grad():
        accuracy = (classifier(batch["image"]).argmax(1) == batch["label"]).float().mean()
    problems = [(f"epsilon {epsilon}", CDeepEx(epsilon=epsilon)) for epsilon in args.epsilon]
    problems += [
        ("no clamp", CDeepEx(clamp=False)),
        ("augmented Lagrangian alone", CDeepEx(solver="augmented_lagrangian")),
    ]
    problems += [("others unconstrained", CDeepEx(constrain_others=False))]
    rows: dict[str, dict[str, float]] = {}
    for name, explainer in problems:
        begin = time.perf_counter()
        explanation = explainer.explain(Subject(classifier, generator), batch["image"])
        seconds = time.perf_counter() - begin
        epsilon = explainer.epsilon if explainer.constrain_others else -torch.inf
        holds, third = recheck(classifier, explanation, epsilon)
        distance = explanation.scalars["latent_distance"][holds]
        rows[name] = {
            "solved": float(holds.float().mean()),
            "agrees_with_status": float((holds == (explanation.status == 1)).float().mean()),
            "third_class_wins": float(third.float().mean()),
            "distance_median": float(distance.median()),
            "gradient_evaluations_median": float(explanation.scalars["gradient_evaluations"].median()),
            "seconds_per_image": seconds / len(batch["image"]),
        }
        print(name, rows[name], flush=True)
    first = rows[problems[0][0]]["solved"]
    distances = {"n": args.images, "spread": (first * (1 - first) / args.images) ** 0.5}
    result = {"name": f"certify_{args.data}", "value": first, "unit": "share solved", "better": "higher", "goal": 0.99}
    print(json.dumps({**result, **distances, "accuracy_on_these": float(accuracy), "rows": rows}))


if __name__ == "__main__":
    main()
