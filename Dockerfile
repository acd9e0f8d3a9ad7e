# The suite and its environment:
#   docker build -t repro .
#   docker run --rm -v "$PWD/results:/repro/results" -v "$PWD/out:/repro/out" repro
# That is the profile smoke. Another, on real data: add -e PROFILE=rgan-cpu -e REPRO_DATA=/data -v ~/data:/data;
# on a GPU: --gpus all, and a profile for one, such as quick.
FROM python:3.11-slim-bookworm

# All may be of any version, and Debian keeps no old ones. Triton compiles with gcc.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --no-install-recommends -y gcc git libc6-dev make \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /repro
COPY . .
RUN make .venv/.installed
ENV PATH="/repro/.venv/bin:${PATH}"

# The last step copies figures/ out, since a folder that Snakemake makes cannot be a mount.
CMD ["sh", "-c", "snakemake --cores all figures/ ${PROFILE:+--config profile=$PROFILE} && mkdir -p out && cp -r figures/. out/"]
