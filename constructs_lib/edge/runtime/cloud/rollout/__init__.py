"""A rollout: what each step of the state machine does. The decisions are pure; `steps` asks AWS, and acts."""
