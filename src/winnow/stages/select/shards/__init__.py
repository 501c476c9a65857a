"""select by shards: the rules of a prompt are decided inside its shard, those that rank all rows by a cut."""
