"""stub"""

from configs import paper


def get_config():
    config = paper.get_config()
    config.data.name = "embedded"
    config.model.num_classes = 0
    for layer in ("conv3", "conv4", "conv5"):
        config.model.weight_std[layer] = 0.03
    config.train.lr = 0.001
    config.train.batch_size = 32
    return config
