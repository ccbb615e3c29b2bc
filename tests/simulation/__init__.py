"""A seeded simulation of the mailbox: the real code and the real SQLite table under faults.

Workers are killed before and after store calls, frozen beyond their lease and given skewed
clocks; wakes are lost, doubled and late; answers are lost; the index lags; people decide
contrarily and cancel at random. After each run the promises are checked from the outside.
"""
