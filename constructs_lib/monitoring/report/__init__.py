"""The report: what a window of a monitor has found, as one page. It runs wherever boto3 does."""
