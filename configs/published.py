"""Published errors to stand beside, as fractions.

Each row: network, images, crops (1, the centre, or 10), top-1 error, top-5
error.
"""

# Krizhevsky, Sutskever and Hinton 2012
PAPER = (
    ("1 CNN", "ILSVRC-2012 validation", 10, 0.407, 0.182),  # table 2
    ("average of 5 CNNs", "ILSVRC-2012 validation", 10, 0.381, 0.164),  # tab. 2
    # Two of the seven were first trained on the 2011 release of ImageNet.
    ("average of 7 CNNs", "ILSVRC-2012 validation", 10, 0.367, 0.154),  # tab. 2
    ("1 CNN", "ILSVRC-2010 test", 10, 0.375, 0.170),  # table 1
    ("1 CNN", "ILSVRC-2010 test", 1, 0.390, 0.183),  # section 6
)

SINCE = (
    # cuda-convnet2's page, 2013
    ("Krizhevsky's rerun of 2013", "ILSVRC-2012 validation", 1, 0.423, 0.196),
    ("Krizhevsky's rerun of 2013", "ILSVRC-2012 validation", 10, 0.405, 0.181),
    # Caffe's model zoo
    ("BVLC AlexNet", "ILSVRC-2012 validation", 1, 0.429, 0.198),
)
