"""What a run's results say: metrics, series, horizons, comparisons, gains of scaffolds."""
