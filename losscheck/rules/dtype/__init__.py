"""The dtype family: dtypes of labels and predictions."""
