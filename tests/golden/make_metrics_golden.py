"""Golden classification figures by scikit-learn.

    python make_metrics_golden.py metrics.json

60 samples, 4 classes; class 3 occurs among the labels and is never predicted, so that its precision is 0/0, which counts as 0.
  labels [60], probabilities [60][4] (rounded to 6 digits, each row as it is in the file), predictions [60] = argmax of the row
  accuracy, log_loss (mean of -ln p of the true class)
  confusion_matrix [4][4]   rows are true classes, columns predicted ones
  precision, recall, f1, support [4], and macro_precision, macro_recall, macro_f1, their plain means over the classes
"""
import json
import sys

import numpy as np
from sklearn import metrics

SAMPLES, CLASSES, NEVER = 60, 4, 3


def main(out):
    random = np.random.default_rng(17)
    labels = random.choice(CLASSES, SAMPLES, p=[0.4, 0.3, 0.2, 0.1])
    scores = random.normal(size=(SAMPLES, CLASSES)) + 1.2 * np.eye(CLASSES)[labels]
    scores[:, NEVER] = scores[:, :NEVER].min(1) - 0.1
    probabilities = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    probabilities = np.round(probabilities, 6)
    # The rounding goes to the largest entry, so that every row still sums to 1.
    rows = np.arange(SAMPLES)
    probabilities[rows, probabilities.argmax(1)] += 1 - probabilities.sum(1)
    probabilities = np.round(probabilities, 6)
    predictions = probabilities.argmax(1)
    assert NEVER in labels and NEVER not in predictions
    precision, recall, f1, support = metrics.precision_recall_fscore_support(
        labels, predictions, labels=range(CLASSES), zero_division=0
    )
    golden = {
        "labels": labels.tolist(),
        "probabilities": probabilities.tolist(),
        "predictions": predictions.tolist(),
        "accuracy": metrics.accuracy_score(labels, predictions),
        "log_loss": metrics.log_loss(labels, probabilities, labels=range(CLASSES)),
        "confusion_matrix": metrics.confusion_matrix(labels, predictions, labels=range(CLASSES)).tolist(),
        "precision": precision.tolist(),
        "recall": recall.tolist(),
        "f1": f1.tolist(),
        "support": support.tolist(),
        "macro_precision": precision.mean(),
        "macro_recall": recall.mean(),
        "macro_f1": f1.mean(),
    }
    with open(out, "w") as file:
        file.write("{\n" + ",\n".join(f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in golden.items()) + "\n}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
