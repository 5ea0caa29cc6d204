"""The check of a replica's copy, which it has in place of a database."""

from db.errors import Unavailable
from server.doctor.findings import Deployment, Findings, ok, problem, warning

RUN = "start the replica, and see its log"


def copy(deployment: Deployment) -> Findings:
    from db.replica import promotion

    path, most = deployment.database, deployment.settings.max_lag
    if path.exists():
        yield problem(
            f"{path} is a registry of its own, which a replica does not start beside",
            "give the replica another path, or leave CHITTYGRAPH_REPLICA_OF out",
        )
        return
    try:
        found = promotion.contents(path)
    except Unavailable as error:
        yield warning(str(error), RUN)
        return
    if found is None:
        yield warning("this replica has never run: there is no copy", RUN)
    elif found.age is None:
        yield warning(
            "the copy has no heartbeat, so nobody knows how old it is",
            "set CHITTYGRAPH_HEARTBEAT_SECONDS on the primary",
        )
    elif found.age > most:
        yield warning(f"the copy is {found.age:.0f} s old, and {most:g} s are allowed", RUN)
    else:
        yield ok(f"{found.copy}, {found.age:.1f} s old")
