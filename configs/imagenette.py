"""stub"""

from configs import demo


def get_config():
    """The demo's values for 9,469 photographs of ten ImageNet classes."""
    config = demo.get_config()
    config.data.name = "imagenette/160px-v2"
    config.model.num_classes = 10
    config.model.dropout = 0.5
    config.train.batch_size = 32
    config.train.epochs = 4
    config.train.lr_drop_epochs = (3,)
    return config
