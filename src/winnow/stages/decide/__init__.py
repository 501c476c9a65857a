"""The stages that decide before training: read the evidence, measure, plan, forecast."""
