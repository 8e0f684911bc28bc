"""Every setting of the panel, read from the environment; a bad value stops the start.

The variables are described in `.env.example`; a test compares the two.
"""

import datetime as dt
from pathlib import Path

from django.templatetags.static import static

from wgpanel import embedded, environment, secret_files

BASE_DIR = Path(__file__).resolve().parent.parent
DEBUG = environment.truth("WGPANEL_DEBUG")
STATE_DIR = Path(environment.text("WGPANEL_STATE_DIR", str(BASE_DIR / "var"))).resolve()
SECRET_KEY = secret_files.obtain("WGPANEL_SECRET_KEY", STATE_DIR)
WGPANEL_FIELD_KEYS = (
    secret_files.obtain_key("WGPANEL_FIELD_KEY", STATE_DIR),
    *secret_files.optional_key("WGPANEL_FIELD_KEY_OLD", STATE_DIR),
)
PORT = environment.whole("WGPANEL_PORT", 8000, least=1, most=65535)
ALLOWED_HOSTS = environment.hosts("WGPANEL_ALLOWED_HOSTS", ("localhost", "127.0.0.1", "[::1]"))
CSRF_TRUSTED_ORIGINS = environment.words("WGPANEL_TRUSTED_ORIGINS")
HTTPS = environment.truth("WGPANEL_HTTPS")
TRUSTED_PROXIES = environment.whole("WGPANEL_TRUSTED_PROXIES", int(HTTPS), least=0, most=5)
WGPANEL_NODE_NETWORKS = environment.networks("WGPANEL_NODE_NETWORKS", ())
WGPANEL_PLAIN_HTTP_NETWORKS = environment.networks("WGPANEL_PLAIN_HTTP_NETWORKS", ())
WGPANEL_URL_FOR_NODES = environment.site("WGPANEL_URL_FOR_NODES")
WGPANEL_CERTIFICATE = environment.certificate("WGPANEL_CERTIFICATE_FILE")
METRICS_TOKEN = environment.secret("WGPANEL_METRICS_TOKEN")
POLLS_IN_FLIGHT = environment.whole("WGPANEL_POLLS_IN_FLIGHT", 300, least=1, most=10_000)
WGPANEL_KEY_DAYS = environment.whole("WGPANEL_KEY_DAYS", 90, least=0, most=3650)
POLL_BATCH = environment.whole("WGPANEL_POLL_BATCH", 500, least=1, most=10_000)
WGPANEL_KEEP_CLIENT_KEYS = environment.truth("WGPANEL_KEEP_CLIENT_KEYS")
WGPANEL_ADDRESS_REST = dt.timedelta(
    seconds=environment.whole("WGPANEL_ADDRESS_REST_SECONDS", 600, least=0, most=31_536_000)
)
LOG_LEVEL = environment.choice(
    "WGPANEL_LOG_LEVEL", ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"), "INFO"
)

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "unfold.contrib.simple_history",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_prometheus",
    "django_celery_beat",
    "django_filters",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "knox",
    "axes",
    "simple_history",
    "wgpanel",
    "accounts",
    "keyring",
    "schedule",
    "groups",
    "nodes",
    "selection",
    "peers",
    "reconcile",
    "monitoring",
]

MIDDLEWARE = [
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "wgpanel.content_policy.ContentPolicyMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "wgpanel.hosts.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.sessions.SessionLimitMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "simple_history.middleware.HistoryRequestMiddleware",
    "axes.middleware.AxesMiddleware",
    "django_prometheus.middleware.PrometheusAfterMiddleware",
]

ROOT_URLCONF = "wgpanel.urls"
WSGI_APPLICATION = "wgpanel.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# --- database -------------------------------------------------------------------------------------
SQLITE_OPTIONS = {
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    # Polling rewrites every report every few seconds: with SQLite's own 4 MB of log and 2 MB of
    # cache, half of its work is to copy pages that are written again before anybody reads them.
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;"
    " PRAGMA wal_autocheckpoint=10000; PRAGMA cache_size=-16384;",
}
POSTGRESQL_OPTIONS = {
    "options": "-c statement_timeout=15s -c lock_timeout=5s"
    " -c idle_in_transaction_session_timeout=30s",
    "connect_timeout": 5,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}
_database = environment.database("DATABASE_URL", f"sqlite:///{STATE_DIR / 'wgpanel.sqlite3'}")
DATABASES = {"default": _database}
if _database["ENGINE"].endswith("sqlite3"):
    _database["OPTIONS"] = SQLITE_OPTIONS
else:
    _database["OPTIONS"] = {**POSTGRESQL_OPTIONS, **_database.get("OPTIONS", {})}
    _database.update(CONN_MAX_AGE=60, CONN_HEALTH_CHECKS=True)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Celery and its broker ------------------------------------------------------------------------
REDIS_URL = environment.url("REDIS_URL", ("redis", "rediss", "redis+socket"))
CELERY_BROKER_URL = REDIS_URL or embedded.broker_url(STATE_DIR)
CELERY_TASK_SERIALIZER = CELERY_RESULT_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_TIME_LIMIT = 60
CELERY_TASK_SOFT_TIME_LIMIT = 45
CELERY_TASK_DEFAULT_QUEUE = "maint"
CELERY_TASK_ROUTES = {
    "nodes.tasks.*": {"queue": "poll"},
    "reconcile.tasks.*": {"queue": "sync"},
    "peers.tasks.expire": {"queue": "sync"},
    "peers.tasks.read_facts*": {"queue": "poll"},
}
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_MAX_TASKS_PER_CHILD = 500
CELERY_WORKER_MAX_MEMORY_PER_CHILD = 300_000
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 30
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_VISIBILITY_TIMEOUT = 120
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": CELERY_VISIBILITY_TIMEOUT,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    "socket_timeout": 10,
    "socket_connect_timeout": 5,
    "socket_keepalive": True,
    "health_check_interval": 15,
    "retry_on_timeout": True,
    # whoever only sends a wake-up while the broker is away gives up within a second
    "max_retries": 2,
    "interval_start": 0,
    "interval_step": 0.2,
    "interval_max": 0.5,
}
CELERY_RESULT_BACKEND_TRANSPORT_OPTIONS = {"visibility_timeout": CELERY_VISIBILITY_TIMEOUT}
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULER = "schedule.scheduler:BeatingScheduler"
CELERY_BEAT_MAX_LOOP_INTERVAL = 1

# --- people, sessions, browser --------------------------------------------------------------------
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AXES_HANDLER = "accounts.throttling.Limits"
AXES_FAILURE_LIMIT = 5
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"], "username", "ip_address"]
AXES_COOLOFF_TIME = dt.timedelta(hours=1)  # how long axes keeps what the handler counts
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_RESET_ON_SUCCESS = True
AXES_CLIENT_IP_CALLABLE = "accounts.throttling.limited_address"
AXES_LOCKOUT_CALLABLE = "accounts.throttling.locked_out"
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = AXES_VERBOSE = False
AXES_SENSITIVE_PARAMETERS = ["username", "csrfmiddlewaretoken"]
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
SESSION_COOKIE_AGE = 8 * 3600
KNOWN_BROWSER_COOKIE_NAME = "wgpanel-known"
if HTTPS:  # the prefix ties a cookie to this host and to HTTPS (RFC 6265bis)
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-wgpanel-session", "__Host-wgpanel-csrf"
    KNOWN_BROWSER_COOKIE_NAME = "__Host-wgpanel-known"
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$", r"^api/v1/prometheus/targets$"]
X_FRAME_OPTIONS = "DENY"
DEFAULT_EXCEPTION_REPORTER_FILTER = "keyring.error_pages.NoValues"

# --- REST -----------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["accounts.permissions.StaffModelPermissions"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["wgpanel.parsing.ShallowJSONParser"],
    "DEFAULT_PAGINATION_CLASS": "wgpanel.api.Pages",
    "DEFAULT_FILTER_BACKENDS": [
        "django_filters.rest_framework.DjangoFilterBackend",
        "wgpanel.querying.Search",
        "wgpanel.querying.Ordering",
    ],
    "DEFAULT_SCHEMA_CLASS": "wgpanel.schema.Schema",
    "DEFAULT_METADATA_CLASS": None,
    "EXCEPTION_HANDLER": "wgpanel.api.exception_handler",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
KNOX_TOKEN_MODEL = "accounts.ApiToken"  # noqa: S105  (the name of a model)
MIGRATION_MODULES = {"knox": None}  # its own token table would lie there, unused
REST_KNOX = {
    "AUTH_HEADER_PREFIX": "Token",
    "SECURE_HASH_ALGORITHM": "accounts.token_digest.KeyedDigest",
    "TOKEN_PREFIX": "wgp_",
    "TOKEN_TTL": dt.timedelta(days=90),
}
SPECTACULAR_SETTINGS = {
    "TITLE": "wgpanel",
    "DESCRIPTION": "One panel that runs a fleet of WireGuard servers.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAdminUser"],
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "NodeStatusEnum": "nodes.models.Status",
        "PeerStatusEnum": "peers.standing.Standing",
        "DriftStateEnum": "reconcile.models.DriftState",
        "JoinStepEnum": "nodes.enrolment.join_token.Step",
    },
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
}

# --- the rest -------------------------------------------------------------------------------------
LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "static/"
STATIC_ROOT = Path(environment.text("WGPANEL_STATIC_ROOT", str(STATE_DIR / "static"))).resolve()
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
PROMETHEUS_EXPORT_MIGRATIONS = False
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "keyring.redaction.RedactingFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s %(message)s",
        }
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
}
# Only Unfold's search would use one: it would show what a right or a name was 5 minutes ago.
CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
UNFOLD = {
    "SITE_TITLE": "wgpanel",
    "SITE_HEADER": "wgpanel",
    "SITE_SUBHEADER": "WireGuard fleet",
    "SITE_ICON": lambda request: static("wgpanel/logo.svg"),
    "SITE_FAVICONS": [
        {
            "rel": "icon",
            "type": "image/svg+xml",
            "href": lambda request: static("wgpanel/logo.svg"),
        }
    ],
    "SITE_URL": None,
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "DASHBOARD_CALLBACK": "wgpanel.dashboard.dashboard",
    # Unfold's own search of models reads every match: slow with thousands of nodes
    "COMMAND": {"search_models": False, "search_callback": "wgpanel.sidebar.search"},
    "SIDEBAR": {
        "show_search": True,
        "command_search": True,
        "navigation": "wgpanel.sidebar.sidebar",
    },
    "STYLES": [lambda request: static("wgpanel/panel.css")],
    "SCRIPTS": [lambda request: static("wgpanel/panel.js")],
    "BORDER_RADIUS": "6px",
    "COLORS": {
        "primary": {
            "50": "oklch(98.4% .014 180.72)",
            "100": "oklch(95.3% .051 180.801)",
            "200": "oklch(91% .096 180.426)",
            "300": "oklch(85.5% .138 181.071)",
            "400": "oklch(77.7% .152 181.912)",
            "500": "oklch(65% .128 183.5)",
            "600": "oklch(51.1% .096 186.391)",
            "700": "oklch(46% .084 187)",
            "800": "oklch(41% .072 188.3)",
            "900": "oklch(36% .058 188.416)",
            "950": "oklch(27.7% .046 192.524)",
        }
    },
}
