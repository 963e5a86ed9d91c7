"""Users and rights on a cluster: what is there, and what a plan changes. `router/wire/access_rights.py` says what should be."""

import os
import secrets
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from kafka.admin import (
    ACL,
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    KafkaAdminClient,
    ResourcePattern,
    ResourcePatternFilter,
    ResourceType,
    UserScramCredentialDeletion,
    UserScramCredentialUpsertion,
)
from kafka.errors import KafkaError, NoError, RetriableError, SecurityDisabledError, UnknownError, for_code
from kafka.protocol.admin import AlterUserScramCredentialsRequest

from router.broker.admin import connected
from router.broker.client_quotas import change_quotas, quotas_of
from router.broker.credentials import ITERATIONS, PASSWORD_BYTES, SCRAM
from router.kafka.blocking_internals import ask
from router.wire.access_rights import Access, AccessPlan, Resource, Right
from router.wire.errors import BrokerError, InputError
from router.wire.private_files import private_folder, write_private
from router.wire.security import password_of

AT_ONCE = 500
"""Rights in one request."""
RESOURCES: dict[Resource, ResourceType] = {
    "topic": ResourceType.TOPIC,
    "group": ResourceType.GROUP,
    "transactional id": ResourceType.TRANSACTIONAL_ID,
    "cluster": ResourceType.CLUSTER,
    "user": ResourceType.USER,
    "delegation token": ResourceType.DELEGATION_TOKEN,
}
NAMES = {kind: name for name, kind in RESOURCES.items()}
USER = "User:"


def found(bootstrap: str, *, quotas: bool = True) -> Access:
    """All users with a password and all rights of the cluster.

    Args:
        bootstrap: `host:port` list.
        quotas: whether to ask for them, which takes one more right.

    Raises:
        BrokerError: the cluster cannot be reached, has no access rights, or does not let this user see them.
    """
    with _administering(bootstrap) as admin:
        # first: Kafka 4.1 never answers who asks for all users without the right to it
        acls, _ = admin.describe_acls(_every())
        users = admin.describe_user_scram_credentials()
        limits = quotas_of(admin) if quotas else None
    return Access(users=sorted(users), rights=sorted(_right(acl) for acl in acls), quotas=limits)


def apply(bootstrap: str, plan: AccessPlan, passwords: Path, *, remove: bool = False) -> None:
    """Give what is missing; with `remove`, also take what is not declared, except rights of others to more than this deployment.

    Users are made before their rights, and lose their rights before they go.

    Args:
        bootstrap: `host:port` list.
        plan: the difference.
        passwords: folder with a file `<user>.password` for each user. A missing one is made.
        remove: whether to take away what is not declared.

    Raises:
        BrokerError: the cluster cannot be reached, or rejects a change.
        InputError: a password cannot be read or written.
    """
    made = [
        UserScramCredentialUpsertion(user, SCRAM, _password(passwords, user), iterations=ITERATIONS)
        for user in plan.missing_users
    ]
    with _administering(bootstrap) as admin:
        _change_users(admin, bootstrap, made)
        for some in _parts(plan.missing):
            answer = admin.create_acls([_acl(right) for right in some])
            for error in answer["failed"]:
                raise _rejected(bootstrap, error.__name__)
        change_quotas(admin, plan.missing_quotas)
        if remove:
            _remove(admin, bootstrap, plan)


def rotate(bootstrap: str, users: Sequence[str], passwords: Path) -> None:
    """Give users new passwords, one after the other. Running connections stay; new ones need the new password.

    A file has the new password a moment after the cluster. A client whose connection begins between the two is rejected once, and tries again.

    Args:
        bootstrap: `host:port` list.
        users: that exist.
        passwords: folder with the file `<user>.password` of each; it is replaced as a whole.

    Raises:
        BrokerError: the cluster cannot be reached, or rejects a change. The user's file is as before then. When the cluster may
            have the new password already, the sentence names the file that has it, and the next rotation goes on with it.
        InputError: a file cannot be written.
    """
    with _administering(bootstrap) as admin:
        for user in users:
            _rotate(admin, bootstrap, user, passwords / f"{user}.password")


def _rotate(admin: KafkaAdminClient, bootstrap: str, user: str, file: Path) -> None:
    new = file.with_name(f".{file.name}.new")
    kept = _kept(new)
    password = kept or secrets.token_hex(PASSWORD_BYTES)
    if not kept:
        _write(new, password, like=file)
    try:
        _change_users(admin, bootstrap, [UserScramCredentialUpsertion(user, SCRAM, password, iterations=ITERATIONS)])
        new.replace(file)
    except BrokerError:
        if not kept:
            new.unlink()
        raise
    except (KafkaError, OSError) as error:
        raise BrokerError(
            f"the cluster may have the new password of user {user} already ({type(error).__name__})",
            where=str(new),
            hint="keep this file, it has that password, and run `grid-router access rotate` again: it goes on with it",
        ) from error


def _kept(new: Path) -> str:
    """The password of a rotation that was cut off, which the cluster may have; empty without one."""
    try:
        return new.read_text("utf-8").strip()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        hint = "run it as the owner of this file"
        raise InputError("the password that a rotation kept cannot be read", where=str(new), hint=hint) from error


def _remove(admin: KafkaAdminClient, bootstrap: str, plan: AccessPlan) -> None:
    for some in _parts(plan.undeclared):
        for _, _, error in admin.delete_acls([_acl(right) for right in some]):
            if error is not NoError:
                raise _rejected(bootstrap, error.__name__)
    change_quotas(admin, plan.undeclared_quotas, remove=True)
    gone = [UserScramCredentialDeletion(user, SCRAM) for user in plan.undeclared_users]
    _change_users(admin, bootstrap, gone)


def _change_users(
    admin: KafkaAdminClient,
    bootstrap: str,
    changes: Sequence[UserScramCredentialUpsertion] | Sequence[UserScramCredentialDeletion],
) -> None:
    """Make, change or delete users.

    Raises:
        BrokerError: Kafka did not do it.
        KafkaError: Kafka may have done it, such as after a timeout.
    """
    if not changes:
        return
    ups = [one for one in changes if isinstance(one, UserScramCredentialUpsertion)]
    downs = [one for one in changes if isinstance(one, UserScramCredentialDeletion)]
    request = AlterUserScramCredentialsRequest(
        deletions=[(one.user, int(one.mechanism)) for one in downs],
        upsertions=[(one.user, int(one.mechanism), one.iterations, one.salt, one.salted_password) for one in ups],
    )
    for one in ask(admin, request).results:  # the client's own function leaves the codes out
        error = for_code(one.error_code)
        if issubclass(error, (RetriableError, UnknownError)):
            raise error(one.error_message)
        if error is not NoError:
            raise _rejected(bootstrap, f"user {one.user}: {one.error_message or error.__name__}")


def _password(folder: Path, user: str) -> str:
    file = folder / f"{user}.password"
    if not file.exists():
        _write(file, secrets.token_hex(PASSWORD_BYTES))
    return password_of(file)


def _write(file: Path, password: str, like: Path | None = None) -> None:
    """Write a new file, with the owner and mode of the one that it replaces. A folder that exists keeps its mode: a service reads its file there."""
    try:
        if not file.parent.exists():
            private_folder(file.parent)
        write_private(file, password.encode())
        if like is not None:
            _like(like, file)
    except OSError as error:
        with suppress(OSError):
            file.unlink()  # it is new, and no cluster has its password
        raise InputError(
            f"the password cannot be written ({error.strerror})",
            where=str(file),
            hint="name another folder with --passwords",
        ) from error


def _like(file: Path, new: Path) -> None:
    """Give a new file the owner, group and mode of the one that it replaces: the group may be that of the program that reads it."""
    with suppress(FileNotFoundError):
        found = file.stat()
        os.chown(new, found.st_uid, found.st_gid)
        new.chmod(stat.S_IMODE(found.st_mode))


@contextmanager
def _administering(bootstrap: str) -> Iterator[KafkaAdminClient]:
    with connected(bootstrap) as admin:
        try:
            yield admin
        except SecurityDisabledError as error:
            raise BrokerError(
                "the cluster has no access rights: everybody may do everything",
                where=bootstrap,
                hint="switch an authorizer on; `grid-router broker start --secure` has one",
            ) from error


def _rejected(bootstrap: str, what: str) -> BrokerError:
    return BrokerError(
        f"the cluster rejects a change of access ({what})",
        where=bootstrap,
        hint="let the cluster's administrator run `grid-router access apply`",
    )


def _parts(rights: Sequence[Right]) -> Iterator[Sequence[Right]]:
    return (rights[first : first + AT_ONCE] for first in range(0, len(rights), AT_ONCE))


def _every() -> ACLFilter:
    pattern = ResourcePatternFilter(ResourceType.ANY, None, ACLResourcePatternType.ANY)
    return ACLFilter(None, None, ACLOperation.ANY, ACLPermissionType.ANY, pattern)


def _right(acl: ACL) -> Right:
    pattern = acl.resource_pattern
    return Right(
        acl.principal.removeprefix(USER),
        NAMES[pattern.resource_type],
        pattern.resource_name,
        acl.operation.name.lower(),
        pattern.pattern_type is ACLResourcePatternType.PREFIXED,
        acl.permission_type is ACLPermissionType.ALLOW,
        acl.host,
    )


def _acl(right: Right) -> ACL:
    kind = ACLResourcePatternType.PREFIXED if right.prefixed else ACLResourcePatternType.LITERAL
    return ACL(
        principal=right.user if ":" in right.user else f"{USER}{right.user}",
        host=right.host,
        operation=ACLOperation[right.operation.upper()],
        permission_type=ACLPermissionType.ALLOW if right.allows else ACLPermissionType.DENY,
        resource_pattern=ResourcePattern(RESOURCES[right.resource], right.name, kind),
    )
