"""All settings. Everything has a default that runs on a laptop; environment values are read here and nowhere else."""

from __future__ import annotations

import os
import re
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import environ
from csp.constants import NONE
from django.core.exceptions import ImproperlyConfigured

from diarization.configured import configured
from faces.limits import limits
from fitsize.secret_files import named_keys, secret_file
from tasks.devices import CPU, DEVICES

env = environ.Env()
BASE_DIR = Path(__file__).resolve().parent.parent

# -- where things lie
DATA = Path(env.str("FITSIZE_DATA", default=str(BASE_DIR / "var"))).resolve()
DATA.mkdir(mode=0o700, parents=True, exist_ok=True)
if DATA.stat().st_uid == os.geteuid():
    DATA.chmod(0o700)  # it may have been there, and open
MEDIA_ROOT = DATA / "files"
FILE_UPLOAD_TEMP_DIR = str(DATA / "incoming")  # not /tmp: that is memory on some systems, and a move within one disk copies nothing
RUN_FOLDER = Path(env.str("RUN_FOLDER", default=str(DATA / "run")))  # locks of node names: local to a machine, never a shared folder
for folder in (MEDIA_ROOT, Path(FILE_UPLOAD_TEMP_DIR), RUN_FOLDER):
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
STORAGES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "tasks.storage.DurableStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}

# -- what is sealed: templates of faces, voices of recordings (tasks/sealing.py)
SEAL_KEYS_FILE = DATA / "seal_key"
SEAL_KEYS_MADE_HERE = not env.str("SEAL_KEYS", default="")
try:
    SEAL_KEYS = named_keys(env.str("SEAL_KEYS", default=""), SEAL_KEYS_FILE)  # the first one seals
except ValueError as error:
    raise ImproperlyConfigured(f"SEAL_KEYS: {error}") from None

# -- Django
SECRET_KEY = env.str("SECRET_KEY", default="") or secret_file(DATA / "secret_key")
METRICS_KEY = env.str("METRICS_KEY", default="") or secret_file(DATA / "metrics_key")
DEBUG = env.bool("DEBUG", default=False)
ALLOWED_HOSTS = [*env.list("ALLOWED_HOSTS", default=[]), "localhost", "127.0.0.1", "[::1]"]  # our own health checks come over loopback
ROOT_URLCONF = "fitsize.urls"
WSGI_APPLICATION = "fitsize.wsgi.application"
AUTH_USER_MODEL = "fitsize.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LANGUAGE_CODE = "en"  # what is stored is in this language
LANGUAGES = [("en", "English"), ("fr", "Français")]
USE_TZ = True
TIME_ZONE = "UTC"
APPEND_SLASH = False
STATIC_URL = "static/"
WHITENOISE_USE_FINDERS = True  # files are served from where they are installed: nothing to collect
WHITENOISE_AUTOREFRESH = False
CONTENT_SECURITY_POLICY = {"DIRECTIVES": {"default-src": [NONE], "frame-ancestors": [NONE]}}  # of answers; a page says its own
SECURE_REFERRER_POLICY = "no-referrer"
TLS = env.bool("TLS", default=False)  # clients come by TLS only, which a proxy ends
if TLS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_HSTS_SECONDS = 31_536_000
CONTEXT_PROCESSORS = ["django.template.context_processors.request", "django.contrib.auth.context_processors.auth"]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": [*CONTEXT_PROCESSORS, "django.contrib.messages.context_processors.messages"]},
    }
]
INFERENCE_KINDS = env.list("INFERENCE_KINDS", default=["keypoints.kind.KIND", "faces.kind.KIND", "diarization.kind.KIND"])
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "fitsize.apps.FitSizeAdminConfig",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "fitsize.apps.FitSizeConfig",
    "tasks",
    "keypoints",
    "faces",
    "diarization",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "fitsize.headers.SecurityHeaders",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "tasks.languages.ReadersLanguage",
    "django.middleware.common.CommonMiddleware",  # refuses a host name that is not ours
    "tasks.waiting.WithoutFront",
    "tasks.large_bodies.LargeBodies",
    "fitsize.middleware.Sessions",
    "fitsize.middleware.Csrf",
    "fitsize.middleware.Authentication",
    "fitsize.middleware.Messages",
]

# -- people who log in
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = TLS
SESSION_COOKIE_AGE = 12 * 3600
CSRF_COOKIE_HTTPONLY = True  # as the session's is by default; SameSite is Lax for both
AUTHENTICATION_BACKENDS = ["fitsize.logins.LimitedBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
PASSWORD_HASHERS = ["fitsize.hashers.BcryptHasher"]
BCRYPT_ROUNDS = env.int("BCRYPT_ROUNDS", default=12)  # `manage.py check` refuses less than 10
if not 4 <= BCRYPT_ROUNDS <= 16:  # 16 take 4 s
    raise ImproperlyConfigured("BCRYPT_ROUNDS is a number from 10 to 16")
REGISTRATION = env.bool("REGISTRATION", default=False)  # whether anybody may make an account
TOKEN_HOURS = env.float("TOKEN_HOURS", default=12.0)  # how long a login lasts
if not 0 < TOKEN_HOURS <= 24 * 366:
    raise ImproperlyConfigured("TOKEN_HOURS is above 0, and at most a year of them")

# -- database: SQLite unless DATABASE_URL says otherwise
SQLITE_OPTIONS = {
    "transaction_mode": "IMMEDIATE",
    "timeout": 10,
    # An accepted job survives a power cut; and what is deleted is overwritten, which is SQLite's own default on Debian.
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA secure_delete=ON;",
}
SQLITE = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(DATA / "fitsize.sqlite3")}
DATABASES: dict[str, Any] = {"default": env.db("DATABASE_URL") if env.str("DATABASE_URL", default="") else SQLITE}
DATABASES["default"]["CONN_MAX_AGE"] = None
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["OPTIONS"] = SQLITE_OPTIONS
else:
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
    patience = {"connect_timeout": 5, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 10_000}
    DATABASES["default"]["OPTIONS"] = patience | DATABASES["default"].get("OPTIONS", {})  # a server that vanishes says no farewell

# -- broker: a private Redis in the data folder unless BROKER_URL says otherwise (`manage.py up` starts it and writes its address down)
EMBEDDED_BROKER_FILE = DATA / "broker.url"
EMBEDDED_BROKER = not env.str("BROKER_URL", default="")
BROKER_URL = env.str("BROKER_URL", default="") or (
    EMBEDDED_BROKER_FILE.read_text().strip() if EMBEDDED_BROKER_FILE.exists() else f"redis+socket://{DATA / 'redis.sock'}"
)
PUBLISH_TIMEOUT_SECONDS = 0.25 if BROKER_URL.startswith("redis+socket:") else 0.5
BREAKER_SECONDS = 5
CELERY_BROKER_URL = BROKER_URL
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 12 * 3600,
    "priority_steps": [0],  # one list per queue: LLEN sees it whole; priority is ordered in the database
    "socket_connect_timeout": 2,
    "socket_keepalive": True,
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = False  # on, a poison job would loop for ever
CELERY_TASK_ACKS_ON_FAILURE_OR_TIMEOUT = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_PUBLISH_RETRY = False
CELERY_RESULT_BACKEND = None
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_DISABLE_PREFETCH = BROKER_URL.startswith("redis")  # only there: with late acks alone Redis' count drifts over days
CELERY_WORKER_CONCURRENCY = 1
CELERY_WORKER_PROC_ALIVE_TIMEOUT = 300  # at 4 s, Celery's default, a respawned child is killed while it loads, for ever
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False

# -- the engine (DESIGN.md, "Numbers")
DRAIN_SECONDS = 5.0  # the message between two drains costs as much as five claims
LEASE_MARGIN_SECONDS = 30
PARENT_TICK_SECONDS = 0.5
HOUSEKEEPING_TICK_SECONDS = 2.0
WORKER_DEAD_AFTER_SECONDS = env.float("WORKER_DEAD_AFTER_SECONDS", default=30.0)
MAX_CRASHES = 3
MAX_LOSSES = 10
QUARANTINE_SECONDS = 7 * 86_400
IDEMPOTENCY_SECONDS = 86_400
RETRY_KEEP_SECONDS = 86_400  # inputs of a job that may be retried are kept for so long, whatever its kind's rule
KEEP_RESULTS_DAYS = env.float("KEEP_RESULTS_DAYS", default=30.0)
KEEP_TOMBSTONES_DAYS = env.float("KEEP_TOMBSTONES_DAYS", default=30.0)
RETENTION_SECONDS = 60.0  # how often housekeeping looks for what has been kept long enough
RECEIVING_SECONDS = 3600  # no submit takes longer: a file without a row that is older is nobody's

# -- devices: docs/operations.md, "Accelerators"
DEVICE = env.str("FITSIZE_DEVICE", default=CPU)  # of a worker that was started without --device, and of commands that evaluate
if DEVICE not in DEVICES:
    raise ImproperlyConfigured(f"FITSIZE_DEVICE is one of {', '.join(DEVICES)}")

# -- the API
MAX_PICTURE_BYTES = env.int("MAX_PICTURE_BYTES", default=25_000_000)
MAX_PICTURE_PIXELS = env.int("MAX_PICTURE_PIXELS", default=50_000_000)
MAX_RECORDING_BYTES = env.int("MAX_RECORDING_BYTES", default=500_000_000)
MAX_JSON_BYTES = env.int("MAX_JSON_BYTES", default=35_000_000)
DATA_UPLOAD_MAX_MEMORY_SIZE = MAX_JSON_BYTES
FILE_UPLOAD_MAX_MEMORY_SIZE = 1_000_000
FILE_UPLOAD_PERMISSIONS = 0o600
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler", "tasks.parsers.OpaqueUploadHandler"]
MAX_QUEUED_PER_KIND = env.int("MAX_QUEUED_PER_KIND", default=10_000)  # 0: no limit
KEY_RATE = env.int("KEY_RATE", default=600)  # submits a minute of a new key; 0: no limit
KEY_QUEUED = env.int("KEY_QUEUED", default=1000)
LONGEST_WAIT_SECONDS = 30
WEB_THREADS = 4
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["fitsize.authentication.ApiKeyAuthentication"],
    "DEFAULT_METADATA_CLASS": None,
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["tasks.parsers.BoundedJSONParser", "tasks.parsers.WholeMultiPartParser"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "tasks.negotiation.AlwaysJSON",
    "EXCEPTION_HANDLER": "tasks.handlers.exception_handler",
    "UNAUTHENTICATED_USER": None,
    "DEFAULT_SCHEMA_CLASS": "tasks.openapi.schema.HouseSchema",
}
SPECTACULAR_SETTINGS = {
    "OAS_VERSION": "3.1.0",
    "TITLE": "FitSize",
    "VERSION": "1",
    "DESCRIPTION": "Garments' measuring points, face checks and speaker diarization behind one job API.",
    "LICENSE": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
    "POSTPROCESSING_HOOKS": ["tasks.openapi.schema.finish"],
    "ENFORCE_NON_BLANK_FIELDS": True,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "SORT_OPERATION_PARAMETERS": False,
}

# -- programs that are older than the API, and send no key: docs/operations.md
KNOWN_LEGACY_CLIENTS = {"garment-app", "selfie-app", "workload-generator", "diarization-client"}
LEGACY_CLIENTS = env.list("LEGACY_CLIENTS", default=[])
LEGACY_ACCOUNT = env.str("LEGACY_ACCOUNT", default="old-clients")
LEGACY_WAIT_SECONDS = env.int("LEGACY_WAIT_SECONDS", default=60)  # for those that want the result in the answer to their one request
if not 1 <= LEGACY_WAIT_SECONDS <= 3600:
    raise ImproperlyConfigured("LEGACY_WAIT_SECONDS is a number from 1 to 3600")
SELFIE_APP_LIMITS = env.dict("SELFIE_APP_LIMITS", default={})  # read in faces/legacy.py, which knows their names
LEGACY_GALLERY = env.str("LEGACY_GALLERY", default="default")  # of that account: whom `workload-generator` is told
LEGACY_AUTHENTICATION = "fitsize.authentication.LegacyClientAuthentication"
if strangers := set(LEGACY_CLIENTS) - KNOWN_LEGACY_CLIENTS:
    raise ImproperlyConfigured(f"LEGACY_CLIENTS: {', '.join(sorted(strangers))} is none of {', '.join(sorted(KNOWN_LEGACY_CLIENTS))}")

# -- other origins: web pages that may call the API from a browser, with a key of their own and never with cookies
CORS_ALLOWED_ORIGINS = env.list("CORS_ALLOWED_ORIGINS", default=[])
CORS_ALLOW_ALL_ORIGINS = CORS_ALLOWED_ORIGINS == ["*"]
if not CORS_ALLOW_ALL_ORIGINS and not all(re.fullmatch(r"https?://[^/\s*]+", origin) for origin in CORS_ALLOWED_ORIGINS):
    raise ImproperlyConfigured("CORS_ALLOWED_ORIGINS is * or a list of origins such as https://shop.example")
if CORS_ALLOWED_ORIGINS:
    MIDDLEWARE = ["corsheaders.middleware.CorsMiddleware", *MIDDLEWARE]
if CORS_ALLOW_ALL_ORIGINS:
    CORS_ALLOWED_ORIGINS = []
CORS_ALLOW_CREDENTIALS = False
CORS_URLS_REGEX = r"^/api/"
CORS_ALLOW_HEADERS = ["accept", "accept-language", "authorization", "content-type", "idempotency-key", "prefer"]
CORS_ALLOW_HEADERS += ["if-match", "if-none-match"]
CORS_EXPOSE_HEADERS = ["Content-Disposition", "Content-Language", "ETag", "Location", "Preference-Applied", "RateLimit", "RateLimit-Policy"]
CORS_EXPOSE_HEADERS += ["Retry-After", "WWW-Authenticate"]

# -- webhooks
PUBLIC_URL = env.str("PUBLIC_URL", default="")  # what links in webhooks begin with
WEBHOOK_TIMEOUT_SECONDS = env.float("WEBHOOK_TIMEOUT_SECONDS", default=15.0)
WEBHOOK_ALLOW_HTTP = env.bool("WEBHOOK_ALLOW_HTTP", default=False)
try:
    WEBHOOK_ALLOWED_NETWORKS = [ip_network(network) for network in env.list("WEBHOOK_ALLOWED_NETWORKS", default=[])]
except ValueError as error:
    raise ImproperlyConfigured(f"WEBHOOK_ALLOWED_NETWORKS: {error}") from None

# -- web server (fitsize/gunicorn.py)
GUNICORN_WORKERS = env.int("GUNICORN_WORKERS", default=min(2, os.cpu_count() or 1))
BIND = env.str("BIND", default="127.0.0.1:8000")
if not re.fullmatch(r".*:\d{1,5}", BIND):
    raise ImproperlyConfigured("BIND is not HOST:PORT")

# -- garments
KEYPOINTS_WEIGHTS = env.str("KEYPOINTS_WEIGHTS", default="")  # a file of weights instead of ours: docs/keypoints.md
if len(Path(KEYPOINTS_WEIGHTS).stem) > 80:
    raise ImproperlyConfigured("KEYPOINTS_WEIGHTS: the file's name, which is the model's version, is longer than 80 characters")

# -- faces
FACE_LANDMARKS = env.int("FACE_LANDMARKS", default=5)  # 68 opens a model that is not free for commercial use: NOTICE
FACE_ENGINE = env.str("FACE_ENGINE", default="own")  # own | face_recognition
if FACE_ENGINE not in ("own", "face_recognition"):
    raise ImproperlyConfigured("FACE_ENGINE is own or face_recognition")
FACE_ENCODER = env.str("FACE_ENCODER", default="auto")  # auto | torch | dlib
try:
    FACE_LIMITS = limits(env.dict("FACE_LIMITS", default={}))  # how good a selfie must be
except ValueError as error:
    raise ImproperlyConfigured(f"FACE_LIMITS: {error}") from None
FACE_CALIBRATION = env.str("FACE_CALIBRATION", default=str(BASE_DIR / "faces" / "calibration.json"))
FACE_FMR = env.float("FACE_FMR", default=0.001)  # of different people's pairs, the share that may be taken for one
FACE_FPIR = env.float("FACE_FPIR", default=0.01)  # of searches for strangers, the share that may answer with a person
if not 0 < FACE_FMR < 1 or not 0 < FACE_FPIR < 1:
    raise ImproperlyConfigured("FACE_FMR and FACE_FPIR are shares between 0 and 1")
SELFIE_STORE = env.str("SELFIE_STORE", default="640")  # how a selfie is shrunk that somebody asked to be stored: docs/faces.md
if SELFIE_STORE not in ("640", "legacy"):
    raise ImproperlyConfigured("SELFIE_STORE is 640 or legacy")

# -- people who are enrolled: docs/faces.md, "People"
FACE_VAULT = Path(env.str("FACE_VAULT", default=str(DATA / "vault")))  # shared by all machines, and never in a backup of the database
RECEIPT_KEY = env.str("RECEIPT_KEY", default="") or secret_file(DATA / "receipt_key")  # signs receipts of erasures
FACES_IDENTIFY = env.bool("FACES_IDENTIFY", default=False)
FACES_IDENTIFY_PURPOSE = env.str("FACES_IDENTIFY_PURPOSE", default="")
FACE_KEEP_DAYS = env.float("FACE_KEEP_DAYS", default=1095.0)  # after the last contact; 740 ILCS 14/15(a) allows three years
BACKUP_DAYS = env.int("BACKUP_DAYS", default=30)  # how long the operator keeps backups: receipts say so
MAX_ARCHIVE_BYTES = env.int("MAX_ARCHIVE_BYTES", default=500_000_000)

# -- diarization
DIARIZATION_MAX_SECONDS = env.int("DIARIZATION_MAX_SECONDS", default=4 * 3600)
if DIARIZATION_MAX_SECONDS < 1:
    raise ImproperlyConfigured("DIARIZATION_MAX_SECONDS is 1 or more")
DIARIZATION_PIPELINE = env.str("DIARIZATION_PIPELINE", default="offline")  # offline | a directory | a hub id: docs/diarization.md
DIARIZATION_TOKEN = env.str("DIARIZATION_TOKEN", default="")  # of Hugging Face, for a hub id whose weights are gated
DIARIZATION_FALLBACK = env.bool("DIARIZATION_FALLBACK", default=False)  # answer with `offline` where the pipeline cannot be loaded
try:
    configured(DIARIZATION_PIPELINE)
except ValueError as error:
    raise ImproperlyConfigured(f"DIARIZATION_PIPELINE: {error}") from None
if DIARIZATION_TOKEN and not DIARIZATION_TOKEN.startswith("hf_"):  # which pyannote would pass over in silence
    raise ImproperlyConfigured("DIARIZATION_TOKEN is a token of Hugging Face, which begins with hf_")
DIARIZATION_BLOCK_SECONDS = env.int("DIARIZATION_BLOCK_SECONDS", default=1800)  # decoded, heard and kept at a time
if not 30 <= DIARIZATION_BLOCK_SECONDS <= 7200:  # each block warms up for 8 s; the sound of two hours takes 0.46 GB
    raise ImproperlyConfigured("DIARIZATION_BLOCK_SECONDS is a number from 30 to 7200")

# -- logs: one line per event
LOG_LEVEL = env.str("LOG_LEVEL", default="INFO")
LOG_FORMAT = env.str("LOG_FORMAT", default="logfmt")
if LOG_FORMAT not in ("logfmt", "json"):
    raise ImproperlyConfigured("LOG_FORMAT is logfmt or json")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": "fitsize.logs.formatter", "form": LOG_FORMAT}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}, "nowhere": {"class": "logging.NullHandler"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {"django.security.DisallowedHost": {"handlers": ["nowhere"], "propagate": False}}  # anybody can cause those, for nothing
    | {"django.request": {"level": "ERROR"}}  # nor is each 404 worth a line
    | {name: {"level": LOG_LEVEL} for name in ("fitsize", "tasks", "keypoints", "faces", "diarization")},
}
