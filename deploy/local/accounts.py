# confluent_kafka does not say what it exports.
# pyright: reportPrivateImportUsage=false
"""Accounts at the broker for departments: a user each, who reads its own feed and nothing else.

Logins are SCRAM-SHA-512 and rights are ACLs, as at a district's broker; here both are set over the listener that only
this machine reaches, by an administrator's client.
"""

import secrets
import string
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Final, cast

from confluent_kafka import KafkaException
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialDeletion,
    UserScramCredentialUpsertion,
)

from services.contracts import catalogue

_WITHIN_SECONDS: Final = 10.0
_ROUNDS: Final = 8192
_LENGTH: Final = 32
_LETTERS: Final = string.ascii_letters + string.digits


class AccountError(Exception):
    """The broker did not do it; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Account:
    """A department's login: which topic it reads, and with which beginning its groups are named."""

    username: str
    password: str = field(repr=False)
    topic: str
    group_prefix: str


def username(code: str, topic_prefix: str = "") -> str:
    """Return the name under which a department logs in; installations that share a broker share no logins."""
    return f"{topic_prefix}department-{code}"


def open_account(bootstrap: str, code: str, *, topic_prefix: str = "") -> Account:
    """Give a department a login with a new password, and the right to read its own feed; again, a new password.

    :raises AccountError: there is no such department, or the broker does not answer.
    """
    admin = _admin(bootstrap)
    topic = catalogue.department_topic(code, topic_prefix)
    feeds = _feeds(admin, topic_prefix)
    if topic not in feeds:
        known = ", ".join(sorted(name.removeprefix(f"{topic_prefix}department.").split(".")[0] for name in feeds))
        raise AccountError(f"There is no department {code!r}; there are {known or 'none yet'}.")
    account = Account(
        username(code, topic_prefix),
        "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH)),
        topic,
        f"{topic_prefix}department.{code}.",
    )
    _done(
        admin.alter_user_scram_credentials(
            [
                UserScramCredentialUpsertion(
                    account.username,
                    ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, _ROUNDS),
                    account.password.encode(),
                )
            ],
            request_timeout=_WITHIN_SECONDS,
        )
    )
    grants = [
        _grant(account.username, ResourceType.TOPIC, account.topic, ResourcePatternType.LITERAL),
        _grant(account.username, ResourceType.GROUP, account.group_prefix, ResourcePatternType.PREFIXED),
    ]
    _done(admin.create_acls(grants, request_timeout=_WITHIN_SECONDS))
    return account


def close_account(bootstrap: str, code: str, *, topic_prefix: str = "") -> None:
    """Withdraw a department's login and all its rights.

    :raises AccountError: it has none, or the broker does not answer.
    """
    admin, user = _admin(bootstrap), username(code, topic_prefix)
    anywhere = cast(Any, None)  # the client takes None for any, though its types do not say so
    everything = AclBindingFilter(
        ResourceType.ANY,
        anywhere,
        ResourcePatternType.ANY,
        f"User:{user}",
        anywhere,
        AclOperation.ANY,
        AclPermissionType.ANY,
    )
    _done(admin.delete_acls([everything], request_timeout=_WITHIN_SECONDS))
    deletion = UserScramCredentialDeletion(user, ScramMechanism.SCRAM_SHA_512)
    _done(admin.alter_user_scram_credentials([deletion], request_timeout=_WITHIN_SECONDS))


def _admin(bootstrap: str) -> Any:
    return AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})


def _feeds(admin: Any, prefix: str) -> set[str]:
    try:
        topics = admin.list_topics(timeout=_WITHIN_SECONDS).topics
    except KafkaException as error:
        raise AccountError("The broker does not answer: start the system with `make run` first.") from error
    begins = f"{prefix}department."
    return {name for name in topics if name.startswith(begins) and name.endswith(f".feed.v{catalogue.MAJOR}")}


def _grant(user: str, resource: ResourceType, name: str, pattern: ResourcePatternType) -> AclBinding:
    return AclBinding(resource, name, pattern, f"User:{user}", "*", AclOperation.READ, AclPermissionType.ALLOW)


def _done(outcomes: object) -> None:
    for outcome in cast(dict[Any, Future[Any]], outcomes).values():
        try:
            outcome.result(timeout=2 * _WITHIN_SECONDS)
        except TimeoutError as error:
            raise AccountError("The broker does not answer.") from error
        except KafkaException as error:
            raise AccountError(f"The broker refused it: {error.args[0].str()}") from error
