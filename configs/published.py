"""Published errors to stand beside, as fractions.

Each row: what, crops ("centre" or "ten"), top-1 error, top-5 error, source.
"paper" is Krizhevsky, Sutskever and Hinton 2012.
"""

ILSVRC_2010 = (
    ("ILSVRC-2010 test, the paper's network", "ten", 0.375, 0.170),
    ("ILSVRC-2010 test, the paper's network", "centre", 0.390, 0.183),
)  # paper, table 1 and section 6

ILSVRC_2012 = (
    ("1 CNN", "ten", 0.407, 0.182),  # paper, table 2
    ("average of 5 CNNs", "ten", 0.381, 0.164),  # paper, table 2
    # Two of the seven were first trained on the 2011 release of ImageNet.
    ("average of 7 CNNs", "ten", 0.367, 0.154),  # paper, table 2
    # cuda-convnet2's page, 2013
    ("Krizhevsky's rerun of 2013", "centre", 0.423, 0.196),
    ("Krizhevsky's rerun of 2013", "ten", 0.405, 0.181),
    # Caffe's model zoo
    ("BVLC AlexNet", "centre", 0.429, 0.198),
)
