"""The steps of a run, a file each. A step is a part of the recipe that knows how it is done.

To add one, say `edit`: write `edited.py` with a `Part` whose fields are the keys of the recipe, and give it what
`under_way.Step` asks for: `step` and `leaves`, `plan` to say what would be done, and `go` to do it. Then name it in
`recipe.Recipe`, as a field at its place in the order: `edit: Edit | None = None`. That is all: the recipe is checked
by it, the run does it, `status` and `check store` look after what it leaves. In `go`, `run.stores` holds the stores
of the steps before, `run.mapped` makes a store shard by shard, `run.summed` sums shards up; a result that is one file
has its identity in it (see `measured.py`). Steps know nothing of each other. What is heavy, they import inside `go`.
"""
