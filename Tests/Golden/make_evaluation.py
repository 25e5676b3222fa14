"""Makes evaluation.json: kNN votes and linear probes of a small data set, by numpy in float64.

    python3 Tests/Golden/make_evaluation.py

Written from the definitions alone (DINO's weighted kNN; SGD with Nesterov momentum as in PyTorch); the random numbers
are Philox4x32-10 as Sources/TensorCore/RandomStream.swift defines its streams, so splits and orders of rows agree.
"""

import json
import pathlib

import numpy as np

M32 = 0xFFFFFFFF
PROBE = 5


class Stream:
    """Philox4x32-10, counter (block, purpose, sample, epoch)."""

    def __init__(self, seed, purpose, epoch=0, sample=0):
        self.key = (seed & M32, seed >> 32 & M32)
        self.rest = (purpose, sample, epoch)
        self.block, self.words = 0, []

    def word(self):
        if not self.words:
            c, (k0, k1) = (self.block, *self.rest), self.key
            for turn in range(10):
                if turn:
                    k0, k1 = (k0 + 0x9E3779B9) & M32, (k1 + 0xBB67AE85) & M32
                p0, p1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
                c = ((p1 >> 32) ^ c[1] ^ k0, p1 & M32, (p0 >> 32) ^ c[3] ^ k1, p0 & M32)
            self.words, self.block = list(c), self.block + 1
        return self.words.pop(0)

    def below(self, bound):
        while True:
            low = self.word()
            product = (self.word() << 32 | low) * bound
            if product & (2**64 - 1) >= (2**64 - bound) % bound:
                return product >> 64

    def shuffled(self, count):
        values = list(range(count))
        for last in range(count - 1, 0, -1):
            other = self.below(last + 1)
            values[last], values[other] = values[other], values[last]
        return values


def knn(train, labels, test, k, temperature):
    a = train / np.linalg.norm(train, axis=1, keepdims=True)
    b = test / np.linalg.norm(test, axis=1, keepdims=True)
    predictions = []
    for cosines in b @ a.T:
        order = np.argsort(-cosines, kind="stable")[: k + 1]
        assert k >= len(train) or cosines[order[k - 1]] - cosines[order[k]] > 1e-6
        votes = np.zeros(labels.max() + 1)
        np.add.at(votes, labels[order[:k]], np.exp(cosines[order[:k]] / temperature))
        best = np.sort(votes)
        assert best[-1] - best[-2] > 1e-5 * best[-1]
        predictions.append(int(votes.argmax()))
    return predictions


def probe(x, labels, others, classes, rate, decay, epochs, batch, seed, batch_norm):
    """Logits of `others` after training one head on x."""
    weight, bias = np.zeros((classes, x.shape[1])), np.zeros(classes)
    v_weight, v_bias = np.zeros_like(weight), np.zeros_like(bias)
    steps = -(-len(x) // batch) * epochs
    step = 0
    for epoch in range(epochs):
        order = Stream(seed, PROBE, epoch, 0).shuffled(len(x))
        for start in range(0, len(x), batch):
            rows = order[start : start + batch]
            z = x[rows]
            if batch_norm:
                z = (z - z.mean(0)) / np.sqrt(z.var(0) + 1e-6)
            logits = z @ weight.T + bias
            p = np.exp(logits - logits.max(1, keepdims=True))
            p /= p.sum(1, keepdims=True)
            p[np.arange(len(rows)), labels[rows]] -= 1
            g_weight, g_bias = p.T @ z / len(rows) + decay * weight, p.mean(0)
            v_weight, v_bias = 0.9 * v_weight + g_weight, 0.9 * v_bias + g_bias
            now = rate * 0.5 * (1 + np.cos(np.pi * step / steps))
            weight = weight - now * (g_weight + 0.9 * v_weight)
            bias = bias - now * (g_bias + 0.9 * v_bias)
            step += 1
    if batch_norm:
        others = (others - x.mean(0)) / np.sqrt(x.var(0) + 1e-6)
    return others @ weight.T + bias


def main():
    generator = np.random.default_rng(7)
    classes, width = 3, 5
    centres = generator.normal(size=(classes, width))
    labels = generator.integers(0, classes, 90)
    features = centres[labels] + 1.1 * generator.normal(size=(90, width)) + 0.7
    features = np.round(features * 64) / 64
    train, test, train_labels, test_labels = features[:60], features[60:], labels[:60], labels[60:]
    golden = {
        "train": train.ravel().tolist(),
        "test": test.ravel().tolist(),
        "train_labels": train_labels.tolist(),
        "test_labels": test_labels.tolist(),
        "width": width,
        "classes": classes,
        "temperature": 0.07,
        "knn": [],
        "probes": [],
    }
    for k in (1, 3, 5, 20, 60):
        predictions = knn(train, train_labels, test, k, 0.07)
        golden["knn"].append({"k": k, "accuracy": float(np.mean(predictions == test_labels))})
    seed = 11
    rows = Stream(seed, PROBE, 0, 1).shuffled(len(train))
    held, fit = sorted(rows[:12]), sorted(rows[12:])
    settings = {
        "learning_rates": [0.03, 0.3], "weight_decays": [0.0, 0.05], "held_out": 0.2, "seed": seed, "fit": fit,
    }
    for name, epochs, batch in (("full_batch", 30, 1000), ("batches", 5, 20)):
        for batch_norm in (False, True):
            logits, held_accuracies, accuracies = [], [], []
            for rate in settings["learning_rates"]:
                for decay in settings["weight_decays"]:
                    arguments = (classes, rate, decay, epochs, batch, seed, batch_norm)
                    output = probe(train[fit], train_labels[fit], features, *arguments)
                    ordered = np.sort(output, axis=1)
                    assert (ordered[:, -1] - ordered[:, -2]).min() > 1e-5
                    right = output.argmax(1) == labels
                    held_accuracies.append(float(right[:60][held].mean()))
                    accuracies.append(float(right[60:].mean()))
                    logits.append(output[60:])
            golden["probes"].append({
                "name": name, "epochs": epochs, "batch_size": batch, "batch_norm": batch_norm,
                "held_out_accuracies": held_accuracies, "test_accuracies": accuracies,
                # [test, heads, classes]
                "logits": np.round(np.stack(logits, 1).ravel(), 9).tolist(),
            })
    golden["probe_settings"] = settings
    path = pathlib.Path(__file__).with_name("evaluation.json")
    path.write_text(json.dumps(golden, separators=(",", ":")) + "\n")
    for entry in golden["knn"] + golden["probes"]:
        print({key: value for key, value in entry.items() if key != "logits"})


if __name__ == "__main__":
    main()
