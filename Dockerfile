# The server with GraphiQL, without build and test tools. All packages come from PyPI and npm, as pinned in
# the lock files.

ARG PYTHON=3.11

FROM python:${PYTHON}-slim AS build
WORKDIR /build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
COPY requirements.lock ./
RUN python -m venv tools && tools/bin/pip install --require-hashes -r requirements.lock
COPY deploy/requirements.lock deploy/
RUN python -m venv /opt/chittygraph && /opt/chittygraph/bin/pip install --require-hashes -r deploy/requirements.lock
COPY web web
RUN mkdir server && tools/bin/python web/build.py
COPY pyproject.toml setup.py README.md ./
COPY migrations migrations
COPY db db
COPY resolvers resolvers
COPY schema schema
COPY server server
RUN tools/bin/pip wheel --no-deps --no-build-isolation --no-index --wheel-dir wheels . \
    && /opt/chittygraph/bin/pip install --no-deps --no-index wheels/*.whl

FROM python:${PYTHON}-slim
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin chittygraph \
    && install -d -o chittygraph -g chittygraph -m 0750 /data
COPY --from=build /opt/chittygraph /opt/chittygraph
ENV PATH=/opt/chittygraph/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    CHITTYGRAPH_DATABASE=/data/chittygraph.db \
    CHITTYGRAPH_HOST=0.0.0.0 \
    CHITTYGRAPH_PORT=8000
USER 10001
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f\"http://127.0.0.1:{os.environ['CHITTYGRAPH_PORT']}/readyz\", timeout=2)"]
ENTRYPOINT ["chittygraph"]
CMD ["serve"]
