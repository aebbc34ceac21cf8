"""Export of a trained network for TF Serving."""
