"""The report: what an experiment has found out so far, as one page. It runs wherever boto3 does."""
