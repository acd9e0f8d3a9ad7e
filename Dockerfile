# The suite and its environment:
#   docker build -t repro .
#   docker run --rm -v "$PWD/results:/repro/results" -v "$PWD/out:/repro/out" repro
# CPUs by default. With a GPU: docker run --gpus all ... ; real data: -v ~/data:/data -e REPRO_DATA=/data
FROM python:3.11-slim-bookworm

# git and make may be of any version, and Debian keeps no old ones.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --no-install-recommends -y git make \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /repro
COPY . .
RUN make .venv/.installed
ENV PATH="/repro/.venv/bin:${PATH}"

# The last step copies figures/ out, since a folder that Snakemake makes cannot be a mount.
CMD ["sh", "-c", "snakemake --cores all figures/ && mkdir -p out && cp -r figures/. out/"]
