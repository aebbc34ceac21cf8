"""Asks a model that TensorFlow Serving, or `--mode=serve`, offers.

    from export.client import predict

    for prediction in predict(["shoe.jpg", "bag.png"]):
        print(prediction.file, prediction.error or prediction.classes[0])

The command line is `python -m export.client --help`. TensorFlow is imported
for grpc:// addresses only.
"""

from export.client.prediction import Client, Prediction, predict
from export.client.server_errors import ServerError
from export.client.settings import Settings

__all__ = ["Client", "Prediction", "ServerError", "Settings", "predict"]
