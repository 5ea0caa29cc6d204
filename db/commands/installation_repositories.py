"""The repositories of an installation, as SQL over its facts.

They are known by their ids, so that one which is renamed or transferred stays the same:

* `selected_repositories`: a list of all of them;
* `repository:<id>`: whether one belongs to the installation, until a later list overrides it;
* `name:<id>`: its full name;
* `called:<id>:<full name>`: until then it had this name;
* `login:<login>`: the account has had this login. Names that were told before the account's present login
  are those of repositories under it.

A person, another program or an older version gives full names only, in lists and as `repository:<full name>`.
Such a name stands for the repository that is the next to be seen under it, else that had it last.
"""

from db.program import Statement, Value
from db.security.revalidation import STILL_AUTHORIZED

LIST = "selected_repositories"
REPOSITORY = "repository:"
NAME = "name:"
CALLED = "called:"
LOGIN = "login:"


def _of_prefix(prefix: str) -> str:
    """SQL: the aspect starts with this prefix, found by the index."""
    return f"facts.aspect >= '{prefix}' AND facts.aspect < '{prefix[:-1]};'"


def _rest(prefix: str) -> str:
    return f"substr(facts.aspect, {len(prefix) + 1})"


def _owner(full_name: str) -> str:
    return f"lower(substr({full_name}, 1, instr({full_name}, '/') - 1))"


def _is_of_account(full_name: str) -> str:
    return f"{_owner(full_name)} IN (SELECT login FROM logins)"


def _same(full_name: str) -> str:
    """SQL that is equal for two names of one repository, under whichever login of the account."""
    rest = f"substr({full_name}, instr({full_name}, '/'))"
    return f"lower(iif({_is_of_account(full_name)}, {rest}, {full_name}))"


# `moment` compares as (at, rank, receipt) do: at has 24 characters, rank one digit.
MOMENT = "{fact}.at || {fact}.rank || printf('%019d', {fact}.receipt)"
MOMENT_LENGTH = 24 + 1 + 19

FACTS = f"""facts AS NOT MATERIALIZED (
            SELECT aspect, value, {MOMENT.format(fact="installation_facts")} AS moment FROM installation_facts
            WHERE installation_id = :installation_id
        ),
        stored AS (
            SELECT installations.* FROM (SELECT 1) LEFT JOIN installations
            ON installations.installation_id = :installation_id
        )"""

# A row of another program counts as a login and a list older than every fact.
DECIDED = f"""account (login, moment) AS MATERIALIZED (
            SELECT value ->> '$', moment FROM facts WHERE aspect = 'account_login'
            UNION ALL
            SELECT account_login, '' FROM stored
            WHERE NOT EXISTS (SELECT 1 FROM facts WHERE aspect = 'account_login')
        ),
        logins (login) AS MATERIALIZED (
            SELECT lower({_rest(LOGIN)}) FROM facts WHERE {_of_prefix(LOGIN)}
            UNION SELECT lower(login) FROM account
        ),
        list (entries, moment) AS MATERIALIZED (
            SELECT value, moment FROM facts WHERE aspect = '{LIST}'
            UNION ALL
            SELECT iif(json_valid({LIST}), {LIST}, '[]'), '' FROM stored
            WHERE NOT EXISTS (SELECT 1 FROM facts WHERE aspect = '{LIST}')
        ),
        told (id, name, belongs, moment) AS MATERIALIZED (
            SELECT
                iif(entry.type = 'integer', entry.value, NULL),
                iif(entry.type = 'integer', NULL, CAST(entry.value AS TEXT)),
                TRUE, list.moment
            FROM list, json_each(list.entries) AS entry
            UNION ALL
            SELECT
                iif(instr(facts.aspect, '/'), NULL, CAST({_rest(REPOSITORY)} AS INTEGER)),
                iif(instr(facts.aspect, '/'), {_rest(REPOSITORY)}, NULL),
                facts.value = 'true', facts.moment
            FROM list, facts
            WHERE {_of_prefix(REPOSITORY)} AND facts.moment > list.moment
        ),
        unidentified (name, same, belongs, moment) AS MATERIALIZED (
            SELECT name, {_same("name")}, belongs, moment FROM told WHERE name IS NOT NULL
        ),
        named (id, same, moment, is_present) AS MATERIALIZED (
            SELECT CAST({_rest(NAME)} AS INTEGER), {_same("facts.value ->> '$'")}, facts.moment, TRUE
            FROM facts
            WHERE {_of_prefix(NAME)} AND EXISTS (SELECT 1 FROM unidentified)
            UNION ALL
            SELECT CAST({_rest(CALLED)} AS INTEGER), {_same("facts.value ->> '$'")}, facts.moment, FALSE
            FROM facts
            WHERE {_of_prefix(CALLED)} AND EXISTS (SELECT 1 FROM unidentified)
        ),
        timeline (id, is_present, name, same, belongs, moment) AS (
            SELECT NULL, NULL, name, same, belongs, moment FROM unidentified
            UNION ALL
            SELECT id, is_present, NULL, same, NULL, moment FROM named
        ),
        identified (id, name, same, belongs, moment) AS (
            SELECT id, NULL, NULL, belongs, moment FROM told WHERE id IS NOT NULL
            UNION ALL
            SELECT
                CAST(substr(coalesce(next_sighting, last_sighting), {MOMENT_LENGTH + 1}) AS INTEGER),
                name, same, belongs, moment
            FROM (
                SELECT
                    timeline.*,
                    min(moment || id) OVER (
                        PARTITION BY same ORDER BY moment
                        RANGE BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING
                    ) AS next_sighting,
                    max(iif(is_present, moment || id, NULL)) OVER (
                        PARTITION BY same ORDER BY moment
                        RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
                    ) AS last_sighting
                FROM timeline
            )
            WHERE name IS NOT NULL
        ),
        decided (id, name, belongs, moment) AS (
            SELECT id, name, belongs, max(moment) FROM identified GROUP BY coalesce(id, same)
        )"""

# From the table itself, as SQLite would look through all facts for each.
_TOLD = f"""
            SELECT
                coalesce(name.value ->> '$', decided.name, CAST(decided.id AS TEXT)) AS full_name,
                coalesce({MOMENT.format(fact="name")}, decided.moment) AS moment
            FROM decided LEFT JOIN installation_facts AS name
            ON name.installation_id = :installation_id AND name.aspect = '{NAME}' || decided.id
            WHERE decided.belongs"""
FULL_NAMES = f"""
        SELECT json_group_array(full_name) FROM (
            SELECT DISTINCT iif(
                account.moment > named.moment AND {_is_of_account("named.full_name")},
                account.login || substr(named.full_name, instr(named.full_name, '/')),
                named.full_name
            ) AS full_name
            FROM account, ({_TOLD}
            ) AS named
            ORDER BY full_name
        )"""

_IDENTIFY = f"""
    UPDATE installation_facts SET value = (
        WITH
        {FACTS},
        {DECIDED}
        SELECT json_group_array(coalesce(identified.id, identified.name))
        FROM list JOIN identified ON identified.moment = list.moment
    )
    WHERE installation_id = :installation_id AND aspect = '{LIST}'
      AND {STILL_AUTHORIZED} AND {{condition}}
"""


def identify(bind: dict[str, Value], *, condition: str) -> Statement:
    """The Statement that replaces the names in the list by the ids of repositories called so now."""
    return Statement(_IDENTIFY.format(condition=condition), bind)
