GUARDED = frozenset[str]()
