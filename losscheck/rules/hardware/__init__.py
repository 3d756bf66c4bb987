"""Rules about compilers, several devices and what a step costs."""
