"""JSON: documents within bounds, and the tensors that they carry."""
