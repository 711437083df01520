# Both programs in one image. The master:
#
#   docker run -p 3000:3000 -p 3001:3001 --read-only --cap-drop ALL IMAGE [scoutmaster --FLAG ...]
#
# and an agent, which sees what is mounted (mount the parent: docs/install.md says why):
#
#   docker run --read-only --cap-drop ALL -v /srv/data:/srv/data:ro,rslave --hostname "$(hostname)" \
#     IMAGE scout --directory /srv/data/in --master MASTER:3000
#
# There is no ENTRYPOINT, so that the first word says which program it is.

# The minor version of Python is that of the current Debian, whose release the base is made of too: so
# image and Debian package run the same dependencies on the same interpreter, and what was tested on
# one holds for the other. The tag moves with the security updates of both, which is the intent; who
# wants the same bytes at each build names a digest: --build-arg BASE=docker.io/library/python@sha256:...
ARG BASE=docker.io/library/python:3.13-slim-trixie

FROM ${BASE} AS build
RUN python -m venv /opt/scout
# A layer of its own: it is made again only when a version changes.
COPY requirements.txt /tmp/
RUN /opt/scout/bin/python -m pip install --no-cache-dir --no-compile --no-deps \
        --only-binary=:all: --no-binary=sdnotify --requirement /tmp/requirements.txt \
    && /opt/scout/bin/python -m pip uninstall --yes pip setuptools \
    && rm -f /opt/scout/bin/*ctivate* /opt/scout/bin/pip*
COPY packaging/bin/ packaging/image/ /opt/scout/bin/
COPY scout/ /tmp/sources/scout/
COPY scoutmaster/ /tmp/sources/scoutmaster/
# Compiled here, because nobody can write there later. Unchecked: a file of the image never changes,
# and so its time does not matter.
RUN cp -r /tmp/sources/* /opt/scout/lib/python3*/site-packages/ \
    && python -m compileall -q --invalidation-mode unchecked-hash /opt/scout/lib

FROM ${BASE}
# What installs software has no business here. The base has it in one of these places.
RUN find / -xdev -depth \( -path '*/bin/pip*' -o -path '*/python-wheels' -o -path '*/python3*/ensurepip' \
        -o -path '*/site-packages/*' -o -path '*/dist-packages/*' \) -exec rm -rf {} +
# Owned by root, so the programs cannot change themselves.
COPY --from=build /opt/scout /opt/scout
ENV PATH=/opt/scout/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONFAULTHANDLER=1
# A number, so that Kubernetes can see that it is not root. Any other works too.
USER 65532:65532
EXPOSE 3000 3001
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s CMD ["python", "/opt/scout/bin/healthcheck.py"]
CMD ["scoutmaster"]

ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="scout" \
      org.opencontainers.image.description="Which files are in the watched directories, on every host, right now" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
