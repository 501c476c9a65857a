"""The steps of a run, one module each.

A step is a section of the recipe that can plan and execute itself, as `run_context.PipelineStep` describes. To add one,
write a module with a class that extends the config of its stage, and name it in `recipe.Recipe`. Steps do not know each
other: each works on the current rows, `context.rows`, and registers what it leaves with `context.provide`.
"""
