# One target per process type: docker build --target web|housekeeping|keypoints|faces|diarization .
# torch from the public registry brings CUDA's parts (several GB). For a small CPU image hand pip the index you trust:
# docker build --build-arg PIP_EXTRA_INDEX_URL=... (seen by the build stages only).
FROM python:3.12-slim AS base
ENV PATH=/venv/bin:$PATH PYTHONPATH=/app PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    FITSIZE_DATA=/data RUN_FOLDER=/tmp/fitsize HOME=/tmp
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /tmp --shell /usr/sbin/nologin fitsize \
    && install --directory --owner fitsize --group fitsize --mode 700 /data
WORKDIR /app

FROM base AS build
ARG PIP_EXTRA_INDEX_URL
ENV PIP_NO_INPUT=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
RUN python -m venv /venv
COPY requirements/ requirements/

FROM build AS build-web
RUN pip install --no-deps -r requirements/web.lock

FROM build AS build-torch
RUN pip install -c requirements/all.lock torch==2.13.0

FROM build-torch AS build-keypoints
RUN pip install --no-deps --use-pep517 -r requirements/keypoints.lock

FROM build-torch AS build-faces
RUN pip install --no-deps --use-pep517 -r requirements/faces.lock

FROM build-torch AS build-diarization
RUN pip install --no-deps --use-pep517 -r requirements/diarization.lock

# -- what runs
FROM base AS code
COPY requirements/ requirements/
COPY deploy/check_imports.py deploy/
COPY manage.py celery_worker.py LICENSE NOTICE ./
COPY fitsize/ fitsize/
COPY tasks/ tasks/
COPY keypoints/ keypoints/
COPY faces/ faces/
COPY diarization/ diarization/

FROM code AS keypoints
COPY --from=build-keypoints /venv /venv
RUN python deploy/check_imports.py keypoints
USER 10001:10001
VOLUME /data
HEALTHCHECK --interval=60s --timeout=20s --start-period=120s CMD celery -A fitsize.celery inspect ping -d "keypoints@$HOSTNAME" -t 10
CMD ["nice", "-n", "10", "celery", "-A", "celery_worker", "worker", "-Q", "keypoints", "-n", "keypoints@%h", "-c", "1", "--pool=prefork", "--without-gossip", "--without-mingle"]

FROM code AS faces
COPY --from=build-faces /venv /venv
RUN python deploy/check_imports.py faces
USER 10001:10001
VOLUME /data
HEALTHCHECK --interval=60s --timeout=20s --start-period=120s CMD celery -A fitsize.celery inspect ping -d "faces@$HOSTNAME" -t 10
CMD ["nice", "-n", "10", "celery", "-A", "celery_worker", "worker", "-Q", "faces", "-n", "faces@%h", "-c", "1", "--pool=prefork", "--without-gossip", "--without-mingle"]

FROM code AS diarization
ENV PYANNOTE_METRICS_ENABLED=0
COPY --from=build-diarization /venv /venv
RUN python deploy/check_imports.py diarization
USER 10001:10001
VOLUME /data
HEALTHCHECK --interval=60s --timeout=20s --start-period=120s CMD celery -A fitsize.celery inspect ping -d "diarization@$HOSTNAME" -t 10
CMD ["nice", "-n", "10", "celery", "-A", "celery_worker", "worker", "-Q", "diarization", "-n", "diarization@%h", "-c", "1", "--pool=prefork", "--without-gossip", "--without-mingle"]

FROM code AS small
COPY --from=build-web /venv /venv
RUN python deploy/check_imports.py web
USER 10001:10001
VOLUME /data

FROM small AS housekeeping
HEALTHCHECK --interval=60s --timeout=20s --start-period=30s CMD python manage.py check --database default
CMD ["python", "manage.py", "housekeeping"]

FROM small AS web
ENV BIND=0.0.0.0:8000
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s \
    CMD python -c "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/livez', timeout=4)"
CMD ["gunicorn", "-c", "python:fitsize.gunicorn", "fitsize.asgi"]
