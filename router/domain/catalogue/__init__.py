"""The four lists (四张清单): duties, work, matters and standards. This package models, compiles, resolves and explains them."""
