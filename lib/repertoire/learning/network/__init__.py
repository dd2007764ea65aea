"""A feed-forward classifier that TensorFlow trains on Spark's workers: `fit_network`, and `network_scores` of what it gives.

TensorFlow is imported where it is used: training is a process of its own beside each task, and scoring imports it in the
Python worker that scores.
"""

from repertoire.learning.network.fit import fit_network
from repertoire.learning.network.scores import NetworkScores, network_scores
from repertoire.learning.network.trained import EpochResult, TrainedNetwork

__all__ = ["EpochResult", "NetworkScores", "TrainedNetwork", "fit_network", "network_scores"]
