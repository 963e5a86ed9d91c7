"""The four lists (四张清单): duties, work, matters, standards; modelled, linted, tested, resolved, explained."""
