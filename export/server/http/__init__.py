"""HTTP: connections, routes, bodies, and who may run when."""
