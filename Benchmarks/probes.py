"""The peer at fitting probes: scikit-learn's logistic regression, one per layer.

usage: probes.py ACTIVATIONS.f32 LABELS.u8 LAYERS ROWS COLUMNS

Standardised features, L2 penalty with C = 1, L-BFGS, one thread of BLAS, which is what it is fastest
with. Prints one JSON object with the time of all fits and the training accuracies.
"""
import json
import os
import sys
import time

for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = "1"
import warnings

import numpy
import sklearn
from sklearn.linear_model import LogisticRegression

warnings.filterwarnings("ignore")
path, labels_path, *sizes = sys.argv[1:]
layers, rows, columns = map(int, sizes)
values = numpy.fromfile(path, "<f4").reshape(layers, rows, columns)
labels = numpy.fromfile(labels_path, "u1")
begin = time.perf_counter()
accuracies, losses = [], []
for x in values:
    z = (x - x.mean(0)) / (x.std(0) + 1e-6)
    fit = LogisticRegression(C=1.0, max_iter=1000, tol=1e-4).fit(z, labels)
    margins = z @ fit.coef_[0] + fit.intercept_[0]
    signed = numpy.where(labels == 1, margins, -margins).astype(numpy.float64)
    losses.append(float(numpy.logaddexp(0, -signed).sum() + (fit.coef_.astype(float) ** 2).sum() / 2))
    accuracies.append(float(((margins > 0) == (labels == 1)).mean()))
seconds = time.perf_counter() - begin
print(json.dumps({
    "seconds": seconds, "accuracies": accuracies, "losses": losses,
    "versions": {"scikit-learn": sklearn.__version__}}))
