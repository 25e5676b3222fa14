"""Makes logistic.json: logistic regression of a small data set by scikit-learn, for the task `logistic`.

    python3 -m venv .build/logistic && .build/logistic/bin/pip install scikit-learn==1.9.0
    .build/logistic/bin/python Tests/Golden/make_logistic.py

Features are standardised by StandardScaler over all training rows. Folds are dealt by the project's own random streams
(see make_evaluation.py), so that cross-validated numbers agree too.
"""

import json
import pathlib

import numpy as np
import sklearn
from make_evaluation import PROBE, Stream
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.preprocessing import StandardScaler

SEED, FOLDS, STRENGTHS = 5, 4, [0.001, 0.1, 10.0]


def folds(labels, classes):
    """The fold of each row: the rows of each class shuffled, then dealt out, one class after the other."""
    fold, dealt = np.empty(len(labels), int), 0
    for label in range(classes):
        rows = np.flatnonzero(labels == label)
        for place in Stream(SEED, PROBE, label, 2).shuffled(len(rows)):
            fold[rows[place]] = dealt % FOLDS
            dealt += 1
    return fold


def model(strength):
    return LogisticRegression(C=strength, tol=1e-12, max_iter=100_000)


def main():
    generator = np.random.default_rng(3)
    classes, width = 4, 7
    centres = generator.normal(size=(classes, width))
    labels = generator.integers(0, classes, 240)
    mixing = generator.normal(size=(width, width))
    # Correlated, of unlike scales, and a constant one.
    features = (centres[labels] + 1.6 * generator.normal(size=(240, width))) @ mixing * [1, 5, 0.2, 1, 30, 1, 0]
    features[:, -1] = 0.75
    features = np.round(features * 64) / 64
    train, test, y, y_test = features[:180], features[180:], labels[:180], labels[180:]
    scaler = StandardScaler().fit(train)
    x, x_test = scaler.transform(train), scaler.transform(test)
    fold = folds(y, classes)
    fits = []
    for strength in STRENGTHS:
        whole = model(strength).fit(x, y)
        p = np.empty((len(x), classes))
        for k in range(FOLDS):
            p[fold == k] = model(strength).fit(x[fold != k], y[fold != k]).predict_proba(x[fold == k])
        q = whole.predict_proba(x_test)
        loss = log_loss(y, whole.predict_proba(x))
        fits.append({
            "c": strength,
            "coefficients": whole.coef_.ravel().tolist(),
            "intercepts": (whole.intercept_ - whole.intercept_.mean()).tolist(),
            "test_probabilities": q.ravel().tolist(),
            "test_accuracy": float((q.argmax(1) == y_test).mean()),
            "validated_loss": float(log_loss(y, p)),
            "validated_accuracy": float((p.argmax(1) == y).mean()),
            "objective": float(loss + 0.5 * (whole.coef_**2).sum() / (strength * len(x))),
        })
    golden = {
        "versions": {"scikit-learn": sklearn.__version__, "numpy": np.__version__},
        "train": train.ravel().tolist(),
        "test": test.ravel().tolist(),
        "train_labels": y.tolist(),
        "test_labels": y_test.tolist(),
        "width": width,
        "seed": SEED,
        "folds": FOLDS,
        "fold_of_row": fold.tolist(),
        "fits": fits,
    }
    path = pathlib.Path(__file__).with_name("logistic.json")
    path.write_text(json.dumps(golden, separators=(",", ":")) + "\n")
    for fit in fits:
        print({key: value for key, value in fit.items() if not isinstance(value, list)})


if __name__ == "__main__":
    main()
