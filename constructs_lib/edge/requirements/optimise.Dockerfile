# The image of the job that optimises models: Python, and what the lock names, by hash. The code is an input of the job.
FROM public.ecr.aws/docker/library/python:3.12-slim
COPY optimise.txt /tmp/optimise.txt
RUN pip install --no-cache-dir --require-hashes --only-binary :all: -r /tmp/optimise.txt
