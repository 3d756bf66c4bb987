"""What a loss is fed with: specs (the small language), tasks (named conventions), batches (the arrays)."""
