"""The peer at fitting probes: scikit-learn's logistic regression, one per layer.

usage: probes.py prepare CAPTURE.h5 ACTIVATIONS.f32 LABELS.u8 LAYERS ROWS COLUMNS
       probes.py fit ACTIVATIONS.f32 LABELS.u8 LAYERS ROWS COLUMNS

Labels come from a fixed direction in the middle layer with noise, so that no layer separates them.
Standardised features, L2 penalty with C = 1, L-BFGS, one thread of BLAS, which is what it is fastest
with. Prints one JSON object with the time of all fits, the training accuracies and the objectives.
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
work, *paths = sys.argv[1:-3]
layers, rows, columns = map(int, sys.argv[-3:])
if work == "prepare":
    import h5py

    capture, path, labels_path = paths
    with h5py.File(capture) as file:
        embedding, residual = file["acts/embed"][:rows], file["acts/resid_post"][:rows]
    values = numpy.concatenate([embedding[None], residual.transpose(1, 0, 2)]).astype("<f4")
    assert values.shape == (layers, rows, columns), values.shape
    random = numpy.random.default_rng(7)
    middle = values[layers // 2]
    score = (middle - middle.mean(0)) / (middle.std(0) + 1e-6) @ random.standard_normal(columns)
    noisy = score + random.standard_normal(rows) * score.std()
    values.tofile(path)
    (noisy > numpy.median(noisy)).astype("u1").tofile(labels_path)
    sys.exit()
path, labels_path = paths
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
