"""The programs that are timed: ours, and those of peers in their own idiom.

Each imports only what it measures, so that it runs in any Python that has that, and defines
``prepare(job)``, done once, which returns ``start``; ``start(turn)``, not timed, returns ``work``;
``work()``, timed, returns an answer that JSON can hold: whatever shows that the work was the same.
"""
