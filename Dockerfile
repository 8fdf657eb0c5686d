# How to build it: docs/install.md. Why it is so: docs/decisions/0013-image.md.
# The tests run the steps of the first stage as they stand here (tests/e2e/test_image.py).
# Steps stay apart: none of their layers is shipped, and each is cached by itself.
# hadolint global ignore=DL3059

# Both have the same Python at the same place. The first has what the second leaves out: a compiler's runtime.
ARG BUILD_BASE=python:3.13-trixie
ARG RUN_BASE=python:3.13-slim-trixie

# ---------------------------------------------------------------- build

FROM ${BUILD_BASE} AS build
WORKDIR /src
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_INPUT=1 PIP_PROGRESS_BAR=off PIP_ROOT_USER_ACTION=ignore

# What is only needed here lives apart from what is shipped. Wheels alone: to build a source archive, pip would
# fetch what no hash holds. The secret is for those who have an index of their own, and is in no layer.
COPY requirements/image.txt requirements/runtime.txt requirements/
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    python3 -m venv /opt/build && \
    /opt/build/bin/pip install --no-compile --no-deps --only-binary :all: --require-hashes \
      -r requirements/image.txt
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    python3 -m venv --without-pip /opt/scaleguard && \
    /opt/build/bin/pip --python /opt/scaleguard install --no-compile --no-deps --only-binary :all: --require-hashes \
      -r requirements/runtime.txt

# The same sources and the same moment make the same wheel, byte for byte.
ARG SOURCE_DATE_EPOCH=1580601600
COPY pyproject.toml LICENSE ./
COPY certs certs
COPY policies policies
COPY webhook webhook
RUN /opt/build/bin/pip wheel --no-build-isolation --no-deps --no-index --wheel-dir dist .
RUN /opt/build/bin/pip --python /opt/scaleguard install --no-compile --no-deps --no-index dist/*.whl

# Compiled here, because nothing can be written there. By hash and unchecked: no time of a file is in it. Once more
# (-f) what pip has loaded and so compiled by time.
# Left out are 39 MB that nothing loads: the models of kubernetes, and all of it once more for asyncio.
RUN /opt/scaleguard/bin/python3 -m compileall -f -j 0 -q --invalidation-mode unchecked-hash \
      -x '/kubernetes/(aio|client/models)/' /opt/scaleguard/lib

# What is installed, as CycloneDX. Validated by the tests: here it would take as long as all the rest.
RUN mkdir -p /opt/scaleguard/share/sbom && \
    /opt/build/bin/cyclonedx-py environment --no-validate --output-reproducible --spec-version 1.6 \
      --pyproject pyproject.toml --output-file /opt/scaleguard/share/sbom/scaleguard.cdx.json \
      /opt/scaleguard/bin/python3

# regopy's wheel takes it from the system, and slim images are without it.
RUN mkdir -p /opt/system && cp -L /usr/lib/*-linux-gnu/libatomic.so.1 /opt/system/

# ---------------------------------------------------------------- run

# Nothing is run in this stage, so its base may as well have no shell.
FROM ${RUN_BASE}
COPY --from=build /opt/system/ /usr/lib/
COPY --from=build /opt/scaleguard/ /opt/scaleguard/
ENV PATH=/opt/scaleguard/bin:/usr/local/bin:/usr/bin:/bin PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
WORKDIR /work
# A number, because Kubernetes cannot tell from a name that it is not root (runAsNonRoot).
USER 65532:65532
# Kubernetes asks /livez and /readyz.
HEALTHCHECK NONE
ENTRYPOINT ["scaleguard"]

# Last: another revision changes no layer. A test holds the version to that of pyproject.toml.
ARG VERSION=0.1.0
ARG REVISION=""
LABEL org.opencontainers.image.title="scaleguard" \
      org.opencontainers.image.description="Kubernetes admission webhook that keeps HPA, VPA and KEDA apart and gives AI pods what they need" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="Apache-2.0"
