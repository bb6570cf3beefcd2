"""The engine that AWS runs: SageMaker Model Monitor and Clarify, which take no new customers since 2026-07-30.

`ModelMonitorSchedule` makes a monitor of it from a `ModelMonitorJob`. The rest of the room describes that.
"""
