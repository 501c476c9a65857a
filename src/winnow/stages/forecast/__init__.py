"""The stage forecast: what each selection rule would give, estimated from scores and labels before training."""
