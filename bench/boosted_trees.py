"""Predict what an RNN is from its layer statistics by gradient-boosted trees.

    rnnrepd eval --zoo ZOO --features features.csv
    python boosted_trees.py features.csv predictions.csv
    rnnrepd eval --zoo ZOO BUNDLE... --predictions "boosted trees=predictions.csv"

Trees are fitted to the rows of the part "train" and predict every row: a
regressor for each target that is a number, a classifier for each group of
targets that are one class, named like "training_stage=100". How long to boost is
chosen on tenths of the tasks that are left out of the fit.
"""

import argparse
import csv
import sys

try:
    import numpy as np
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
except ImportError:
    sys.exit("boosted_trees.py: scikit-learn is missing for " + sys.executable + "; install it with\n    "
             + sys.executable + " -m pip install scikit-learn")

KEYS = 3  # part, run, step
FIRST_STATISTIC = "first.i.weight_ih.mean"
SETTINGS = dict(max_iter=300, learning_rate=0.05, max_leaf_nodes=15, early_stopping=True, n_iter_no_change=30, random_state=0)


def groups(targets):
    """Lists (name, columns, classes): one column for a number, several for a class."""
    found = []
    for i, target in enumerate(targets):
        name, equals, _ = target.partition("=")
        if found and equals and found[-1][0] == name:
            found[-1][1].append(i)
        else:
            found.append((name, [i], bool(equals)))
    return found


def fit_predict(x, y, classes, train, left_out):
    """Predicts y, [rows, columns], of every row."""
    fit = train & ~left_out
    if not classes:
        model = HistGradientBoostingRegressor(**SETTINGS)
        model.fit(x[fit], y[fit, 0], X_val=x[train & left_out], y_val=y[train & left_out, 0])
        return model.predict(x)[:, None]
    label = y.argmax(axis=1)
    if len(set(label[train])) == 1:
        return y[train][:1].repeat(len(x), axis=0)
    # A class that only left-out rows have cannot be judged by.
    known = np.isin(label, np.unique(label[fit]))
    model = HistGradientBoostingClassifier(**SETTINGS)
    model.fit(x[fit], label[fit], X_val=x[train & left_out & known], y_val=label[train & left_out & known])
    predicted = np.zeros_like(y)
    predicted[:, model.classes_] = model.predict_proba(x)
    return predicted


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("features")
    parser.add_argument("predictions")
    args = parser.parse_args()
    with open(args.features, newline="") as f:
        header, *rows = csv.reader(f)
    first = header.index(FIRST_STATISTIC)
    targets = header[KEYS:first]
    numbers = np.array([[float(v) for v in r[KEYS:]] for r in rows])
    y, x = numbers[:, :len(targets)], numbers[:, len(targets):]
    train = np.array([r[0] == "train" for r in rows])
    tasks = [i for i, t in enumerate(targets) if t.partition("=")[0] not in ("accuracy", "generalization_gap", "training_stage")]
    order = {task: i for i, task in enumerate(sorted({tuple(v) for v in y[:, tasks]}))}
    left_out = np.array([order[tuple(v)] % 10 == 0 for v in y[:, tasks]])
    predicted = np.zeros_like(y)
    for name, columns, classes in groups(targets):
        print(name, file=sys.stderr)
        predicted[:, columns] = fit_predict(x, y[:, columns], classes, train, left_out)
    with open(args.predictions, "w", newline="") as f:
        out = csv.writer(f)
        out.writerow(header[:first])
        out.writerows(r[:KEYS] + [repr(float(v)) for v in p] for r, p in zip(rows, predicted))


if __name__ == "__main__":
    main()
