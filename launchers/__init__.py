"""Starting workers on several machines: Kubernetes, Slurm, Ray."""
