"""Seeded runs of the whole product under faults, in virtual time: the real handlers on the real
SQLite table; clients that do as the protocol tells them, and people before them who decide, or do
not, what turns ask them; and whatever a seed lets go wrong.

Workers and frame handlers die anywhere, stand still for longer than a lease, have wrong clocks;
the store throttles, fails, loses answers; wakes are lost, doubled, late; the connection API refuses
or loses connections; the model stalls, breaks off, fails, and says something else each time. After
a run the promises are checked by what clients got and what the store holds.

In some seeds somebody else keeps the history: a historian who takes the records of calls, is away
for stretches, refuses, loses answers; who honours keys, or knows none.

`python -m tests.faults.seeded --seeds 1000 --from 0` prints the seeds that break a promise;
`--history` has a historian in each of them, `--no-history` in none.
"""
