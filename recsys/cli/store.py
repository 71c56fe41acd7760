"""`recsys store`: ratings stores in SQLite and PostgreSQL."""

from __future__ import annotations

from recsys.app.reading import no_account
from recsys.app.stored import (
    DumpRequest,
    ForgetRequest,
    RevokeRequest,
    StoreRequest,
    TokenRequest,
    add_token,
    export_store,
    forget_user,
    import_ratings,
    list_tokens,
    revoke_token,
    show_store,
    upgrade_store,
)
from recsys.cli.derive import Given, options_of
from recsys.cli.options import Json
from recsys.cli.output import number, print_json, print_pairs, say, say_account, show
from recsys.cli.progress import counting
from recsys.ratings.account import counted
from recsys.ratings.source import Source
from recsys.ratings.times import iso


@options_of(Source, StoreRequest)
def import_(source: Given, given: Given, json: Json = False) -> None:
    """Runs `recsys store import`."""
    with counting("writing", quiet=json) as on_rows:
        found = import_ratings(
            Source(**source),
            StoreRequest(**given),
            no_account if json else say_account,
            on_rows,
        )
    if json:
        print_json(found.to_dict())
        return
    per_second = f"{found.ratings / max(found.seconds, 1e-9):,.0f} a second"
    print_pairs([
        ("written", f"{counted(found.ratings, 'rating')} ({per_second})"),
        ("store", found.store),
    ])  # fmt: skip


@options_of(DumpRequest)
def export(given: Given, json: Json = False) -> None:
    """Runs `recsys store export`."""
    with counting("reading", quiet=json) as on_rows:
        files = export_store(DumpRequest(**given), on_rows)
    if json:
        print_json({"files": [str(path) for path in files]})
        return
    print_pairs([("saved", str(path)) for path in files])


@options_of(StoreRequest)
def upgrade(given: Given, json: Json = False) -> None:
    """Runs `recsys store upgrade`."""
    found = upgrade_store(StoreRequest(**given))
    if json:
        print_json(found)
        return
    before, after = found["before"], found["after"]
    show(f"already version {after}" if before == after else f"version {before} is now {after}")


@options_of(StoreRequest)
def show_(given: Given, json: Json = False) -> None:
    """Runs `recsys store show`."""
    found = show_store(StoreRequest(**given))
    if json:
        print_json(found)
        return
    print_pairs([
        ("store", found["store"]),
        ("version", found["version"]),
        *((name, number(found[name])) for name in ("users", "items", "ratings")),
        ("ids", ", ".join(f"{side}s are {kind}" for side, kind in found["ids"].items()) or "open"),
        ("changes", number(found["seq"])),
        ("durable", found["durable"]),
    ])  # fmt: skip


@options_of(ForgetRequest)
def forget(given: Given, json: Json = False) -> None:
    """Runs `recsys store forget`."""
    request = ForgetRequest(**given)
    n = forget_user(request)
    if json:
        print_json({"user": request.user, "ratings": n})
        return
    show(f"{request.user} is forgotten; {counted(n, 'rating')} deleted")


@options_of(TokenRequest)
def add(given: Given, json: Json = False) -> None:
    """Runs `recsys store token add`."""
    token = add_token(TokenRequest(**given))
    if json:
        print_json({"token": token})
        return
    say("The token cannot be shown again: the store keeps only its hash.")
    show(token)


@options_of(StoreRequest)
def list_(given: Given, json: Json = False) -> None:
    """Runs `recsys store token list`."""
    found = list_tokens(StoreRequest(**given))
    if json:
        print_json([vars(one) for one in found])
        return
    pairs = []
    for one in found:
        ends = "never expires" if one.expires is None else f"expires {iso(round(one.expires))}"
        state = "revoked" if one.revoked else ends
        pairs.append((one.name, f"{', '.join(one.scopes)}; made {iso(round(one.made))}; {state}"))
    print_pairs(pairs)


@options_of(RevokeRequest)
def revoke(given: Given) -> None:
    """Runs `recsys store token revoke`."""
    request = RevokeRequest(**given)
    revoke_token(request)
    show(f"{request.name} is revoked")


COMMANDS = {
    "import": (import_, "Write ratings to a store, which is created if needed."),
    "export": (export, "Write the ratings, items and users of a store to files."),
    "show": (show_, "Show the contents of a store."),
    "upgrade": (upgrade, "Upgrade the tables of a store from an earlier version."),
    "forget": (forget, "Delete everything about a user."),
    "token add": (add, "Create a token for a client of the service."),
    "token list": (list_, "List the tokens."),
    "token revoke": (revoke, "Revoke a token."),
}
"""Name → function and help. A name of two words is a command in a group of its own."""
