"""From series to a verdict: rules, levels, and what people decided."""
