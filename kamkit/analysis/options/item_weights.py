"""Which item speaks for which: item-kNN and EASE^R on recency-decayed purchases (Sarwar et al. 2001; Steck 2019)."""

from __future__ import annotations

import numpy as np
from scipy.linalg import lapack

from kamkit.analysis.options.baskets import Baskets, Numbers, Scorer


def ease_weights(baskets: Baskets, regularisation: float) -> Numbers:
    """The item weights of EASE^R (Steck 2019, WWW): W = −P/diag(P) with P = (XᵀX + λI)⁻¹, the diagonal zero; items × items.

    One Cholesky factor and one inverse in place per λ, in single precision: for a handful of λ that is less work than one
    eigendecomposition.
    """
    gram = _gram(baskets)
    gram[np.diag_indices_from(gram)] += np.float32(regularisation)
    factor, problem = lapack.spotrf(gram.T, lower=1, overwrite_a=1)
    if problem:
        raise np.linalg.LinAlgError("the item matrix is not positive definite")
    inverse, _ = lapack.spotri(factor, lower=1, overwrite_c=1)
    upper = np.triu_indices_from(inverse, 1)
    inverse[upper] = inverse.T[upper]
    weights: Numbers = inverse
    weights /= -np.diag(inverse).copy()[None, :]
    np.fill_diagonal(weights, 0.0)
    return weights


def knn_weights(baskets: Baskets, shrinkage: float) -> Numbers:
    """The item weights of item-kNN: the cosine of two items' recent purchases × n/(n + shrinkage), n the accounts that ever
    bought both (the shrinkage is a convention); items × items."""
    weights = _gram(baskets)
    length = np.sqrt(np.maximum(np.diag(weights), np.float32(1e-12)))
    both = np.asarray((baskets.ever.T @ baskets.ever).toarray(), dtype=np.float32)
    weights *= both / (both + np.float32(shrinkage))
    weights /= length[:, None]
    weights /= length[None, :]
    np.fill_diagonal(weights, 0.0)
    return weights


def score_by_weights(weights: Numbers, favour: Numbers | None = None, prior: Numbers | None = None) -> Scorer:
    """Scores from item weights: what was bought lately speaks for what goes with it. By item, `prior` is added for what
    everybody buys, and `favour` multiplies what speaks for the item."""

    def score(baskets: Baskets) -> Numbers:
        scores = np.asarray(baskets.recent @ weights, dtype=np.float32)
        if prior is not None:
            scores += prior
        if favour is not None:
            np.multiply(scores, favour, out=scores, where=scores > 0)
        return scores

    return score


def _gram(baskets: Baskets) -> Numbers:
    return np.asarray((baskets.recent.T @ baskets.recent).toarray(), dtype=np.float32)
