"""The variables that object stores are opened with: those that the tools of each service read.

Several names may mean one thing; the first that is set counts. What stands in the environment beside them (profiles,
pagers, projects) means nothing here, and is left out, since the library refuses what it does not know.
"""

from __future__ import annotations

from trunkline.kernel.secrets import Secrets
from trunkline.objects.location import Service

_S3 = (
    ("AWS_ACCESS_KEY_ID",),
    ("AWS_SECRET_ACCESS_KEY",),
    ("AWS_SESSION_TOKEN", "AWS_TOKEN"),
    ("AWS_REGION", "AWS_DEFAULT_REGION"),
    ("AWS_ENDPOINT", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"),
    ("AWS_SKIP_SIGNATURE",),
    ("AWS_VIRTUAL_HOSTED_STYLE_REQUEST",),
    ("AWS_ROLE_ARN",),
    ("AWS_ROLE_SESSION_NAME",),
    ("AWS_WEB_IDENTITY_TOKEN_FILE",),
    ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",),
    ("AWS_CONTAINER_CREDENTIALS_FULL_URI",),
    ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",),
    ("AWS_METADATA_ENDPOINT",),
    ("AWS_IMDSV1_FALLBACK",),
    ("AWS_REQUEST_PAYER",),
    ("AWS_SERVER_SIDE_ENCRYPTION",),
    ("AWS_SSE_KMS_KEY_ID",),
    ("AWS_SSE_BUCKET_KEY_ENABLED",),
    ("AWS_SSE_CUSTOMER_KEY_BASE64",),
    ("AWS_CHECKSUM_ALGORITHM",),
    ("AWS_UNSIGNED_PAYLOAD",),
)

_GOOGLE = (
    ("GOOGLE_SERVICE_ACCOUNT_PATH", "GOOGLE_SERVICE_ACCOUNT"),
    ("GOOGLE_SERVICE_ACCOUNT_KEY",),
    ("GOOGLE_APPLICATION_CREDENTIALS",),
    ("GOOGLE_BASE_URL",),
    ("GOOGLE_BEARER_TOKEN",),
    ("GOOGLE_SKIP_SIGNATURE",),
)

_AZURE = (
    ("AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT"),
    ("AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_KEY", "AZURE_STORAGE_ACCESS_KEY"),
    ("AZURE_STORAGE_SAS_TOKEN", "AZURE_STORAGE_SAS_KEY"),
    ("AZURE_STORAGE_TOKEN",),
    ("AZURE_CLIENT_ID", "AZURE_STORAGE_CLIENT_ID"),
    ("AZURE_CLIENT_SECRET", "AZURE_STORAGE_CLIENT_SECRET"),
    ("AZURE_TENANT_ID", "AZURE_STORAGE_TENANT_ID"),
    ("AZURE_AUTHORITY_HOST", "AZURE_STORAGE_AUTHORITY_HOST"),
    ("AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT"),
    ("AZURE_STORAGE_USE_EMULATOR",),
    ("AZURE_MSI_ENDPOINT", "AZURE_IDENTITY_ENDPOINT"),
    ("AZURE_OBJECT_ID",),
    ("AZURE_MSI_RESOURCE_ID",),
    ("AZURE_FEDERATED_TOKEN_FILE",),
    ("AZURE_SKIP_SIGNATURE",),
)

_KNOWN: dict[Service, tuple[tuple[str, ...], ...]] = {"s3": _S3, "gs": _GOOGLE, "az": _AZURE}


def relevant(service: Service, variables: Secrets) -> dict[str, str]:
    """What of the variables a service is opened with, each by the first of its names."""
    found = {}
    for names in _KNOWN[service]:
        value = next((variables[name] for name in names if variables.get(name)), None)
        if value is not None:
            found[names[0]] = value
    return found
