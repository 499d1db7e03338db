# The images: `make image` builds `cpu`, which every stage runs in; `make image TARGET=gpu` the same with CUDA, and
# `make image TARGET=serve` the server's, which has nothing that trains.
# It needs BuildKit. docs/image.md tells what is in it and why.
ARG BASE=python:3.11-slim


# ---- the dependencies, from the hashed locks: a layer that changes only when they do
FROM ${BASE} AS deps
ENV PIP_NO_COMPILE=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
RUN python3 -m venv --without-pip /opt/trimtab
# Runtimes beside LiteRT, what quantizes its files, and MLflow's client, by their extras; `--build-arg EXTRAS=` leaves them out.
ARG EXTRAS="mlflow onnx openvino tflite"
COPY requirements.lock requirements-hub.lock requirements-mlflow.lock requirements-onnx.lock requirements-openvino.lock requirements-tflite.lock /tmp/
RUN --mount=type=cache,target=/root/.cache/pip \
    python3 -m pip --python /opt/trimtab install --quiet --require-hashes -r /tmp/requirements.lock \
        $(for extra in ${EXTRAS}; do echo "-r /tmp/requirements-${extra}.lock"; done)
COPY tools/slim_packages.py /tmp/
RUN python3 /tmp/slim_packages.py /opt/trimtab/lib/python3.11/site-packages


# ---- the same with the CUDA libraries that this TensorFlow was built against
FROM deps AS deps-gpu
COPY requirements-gpu.lock /tmp/
RUN --mount=type=cache,target=/root/.cache/pip \
    python3 -m pip --python /opt/trimtab install --quiet --require-hashes -r /tmp/requirements-gpu.lock
RUN python3 /tmp/slim_packages.py /opt/trimtab/lib/python3.11/site-packages


# ---- what serves a deployed version, and no more: neither TensorFlow, nor KFP
FROM ${BASE} AS deps-serve
ENV PIP_NO_COMPILE=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
RUN python3 -m venv --without-pip /opt/trimtab
# Runtimes beside LiteRT; `--build-arg RUNTIMES=` leaves them out.
ARG RUNTIMES="onnx openvino"
COPY requirements-serve.lock requirements-serve-hub.lock requirements-serve-onnx.lock requirements-serve-openvino.lock /tmp/
RUN --mount=type=cache,target=/root/.cache/pip \
    python3 -m pip --python /opt/trimtab install --quiet --require-hashes -r /tmp/requirements-serve.lock \
        $(for runtime in ${RUNTIMES}; do echo "-r /tmp/requirements-serve-${runtime}.lock"; done)
COPY tools/slim_packages.py /tmp/
RUN python3 /tmp/slim_packages.py /opt/trimtab/lib/python3.11/site-packages


# ---- trimtab itself as a wheel, installed into a tree of its own: the last and smallest layer
FROM ${BASE} AS app
ENV PIP_NO_COMPILE=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
RUN python3 -m venv --without-pip /opt/trimtab
COPY requirements-build.lock /tmp/
RUN --mount=type=cache,target=/root/.cache/pip \
    python3 -m pip --python /opt/trimtab install --quiet --require-hashes -r /tmp/requirements-build.lock
WORKDIR /src
COPY tools/slim_packages.py /tmp/
COPY pyproject.toml README.md ./
COPY src src
COPY components components
COPY pipelines pipelines
RUN python3 -m pip --python /opt/trimtab wheel --quiet --no-deps --no-build-isolation --wheel-dir /dist . \
    && python3 -m pip --python /opt/trimtab install --quiet --no-deps --root /app --prefix /opt/trimtab /dist/*.whl \
    && python3 /tmp/slim_packages.py /app/opt/trimtab/lib/python3.11/site-packages


# ---- what lists the packages of an image, and is in none
FROM ${BASE} AS lister
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
RUN python3 -m venv --without-pip /opt/lister
COPY requirements-audit.lock /tmp/
RUN --mount=type=cache,target=/root/.cache/pip \
    python3 -m pip --python /opt/lister install --quiet --require-hashes -r /tmp/requirements-audit.lock
ENV LIST="/opt/lister/bin/cyclonedx-py environment --output-reproducible --output-format JSON -o /sbom.cdx.json /opt/trimtab/bin/python"


FROM lister AS sbom
COPY --from=deps /opt/trimtab /opt/trimtab
COPY --from=app /app/opt/trimtab /opt/trimtab
RUN ${LIST}


FROM lister AS sbom-serve
COPY --from=deps-serve /opt/trimtab /opt/trimtab
COPY --from=app /app/opt/trimtab /opt/trimtab
RUN ${LIST}


FROM lister AS sbom-gpu
COPY --from=deps-gpu /opt/trimtab /opt/trimtab
COPY --from=app /app/opt/trimtab /opt/trimtab
RUN ${LIST}


# ---- what all images share: no root, nothing written but below /tmp
FROM ${BASE} AS runtime
# There is no account: user 1000 and any other uid that a cluster picks see exactly the same.
ENV PATH=/opt/trimtab/bin:/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin \
    HOME=/tmp USER=trimtab LOGNAME=trimtab \
    XDG_CACHE_HOME=/tmp/.cache KERAS_HOME=/tmp/keras \
    KERAS_BACKEND=tensorflow PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
WORKDIR /tmp
USER 1000:1000
EXPOSE 8080
ENTRYPOINT ["trimtab"]
CMD ["--help"]
ARG BASE
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="trimtab" \
      org.opencontainers.image.description="Makes trained Keras models small and fast within a budget, and proves it." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="${BASE}"


FROM runtime AS serve
COPY --from=deps-serve /opt/trimtab /opt/trimtab
COPY --from=app /app/opt/trimtab /opt/trimtab
COPY --from=sbom-serve /sbom.cdx.json /opt/trimtab/


FROM runtime AS gpu
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
COPY --from=deps-gpu /opt/trimtab /opt/trimtab
COPY --from=app /app/opt/trimtab /opt/trimtab
COPY --from=sbom-gpu /sbom.cdx.json /opt/trimtab/


FROM runtime AS cpu
COPY --from=deps /opt/trimtab /opt/trimtab
COPY --from=app /app/opt/trimtab /opt/trimtab
COPY --from=sbom /sbom.cdx.json /opt/trimtab/
