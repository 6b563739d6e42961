"""What schemathesis cannot read off docs/api: which ids the stand knows, and how numbers are written."""

import itertools
import json
import uuid

import schemathesis

# Order 82 of the demo, whose guest is checked in before the run, and her wallets.
ORDER = "3f1c7c8e-53c2-4b0e-9d39-1a6b6c0f2d11"
BONUS = "6d0a1a52-7d5c-5b52-8a5e-0d3f7c7b1e01"
DEPOSIT = "c1b1f3c0-2b8a-5f0a-9a41-77d2a1f0be02"
TYPES = {
    BONUS: "0668e655-15a0-4b5e-ab3c-c7f7003cb8cc",
    DEPOSIT: "d645d632-cd95-4d49-9974-06911a9cd314",
}
# An order that nobody pays.
CLOSED = "00000000-0000-4000-8000-00000000012d"

# What the service has made so far. Later calls name it, so that they meet what is there.
captured, held = [], []
turn = itertools.count(1)


def pick(value, made, every):
    """Something made for an id, but for each n-th; what is no id stays as it is."""
    try:
        uuid.UUID(value)
    except (AttributeError, TypeError, ValueError):
        return value
    number = next(turn)
    return made[number % len(made)] if made and number % every else value


def fresh(value, body):
    """An id of the body instead of an id: another payment is not a repeat of this one."""
    return pick(value, [str(uuid.uuid5(uuid.UUID(ORDER), json.dumps(body, default=str)))], 5)


def whole(value):
    """JSON Schema takes 7.0 for an integer, the service does not."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**63:
        return int(value)
    if isinstance(value, list):
        return [whole(item) for item in value]
    if isinstance(value, dict):
        return {name: whole(item) for name, item in value.items()}
    return value


def is_count(value):
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def plausible(body):
    """What a plugin would ask for. Only what is right by itself is replaced: a wrong type, a wrong
    word or a wrong range stays as it is, and must be refused."""
    wallet = [BONUS, DEPOSIT][len(json.dumps(body, default=str)) % 2]
    made = dict(body)
    ids = {"orderId": ORDER, "walletId": wallet, "paymentTypeId": TYPES[wallet]}
    for name, value in ids.items():
        if name in made:
            made[name] = pick(made[name], [value], 20)
    if "reservationId" in made:
        made["reservationId"] = pick(made["reservationId"], held, 3)
    for name, value in (("bindingEpoch", 1), ("orderTotalMinor", 10_000_000), ("dueMinor", 1_000)):
        if is_count(made.get(name)) and made[name] < 2**32:
            made[name] = value
    if is_count(made.get("amountMinor")):
        made["amountMinor"] = made["amountMinor"] % 5_000 + 1
    if is_count(made.get("refundedBeforeMinor")):
        made["refundedBeforeMinor"] = 0
    if made.get("role") in ("bonus", "deposit", "credit"):
        made["role"] = "bonus" if wallet == BONUS else "deposit"
    if isinstance(made.get("input"), dict) and "choose" in made["input"]:
        made["input"] = {**made["input"], "choose": pick(made["input"]["choose"], [wallet], 20)}
    return made


@schemathesis.hook
def before_call(context, case, kwargs):
    path = case.operation.path
    if isinstance(case.body, dict):
        case.body = whole(case.body)
    if not path.startswith("/pos/v1/"):
        return
    # A poll that waits would only use up the time.
    if path == "/pos/v1/commands" and str((case.query or {}).get("wait", "")).isdigit():
        case.query["wait"] = 0
    if isinstance(case.body, dict):
        case.body = plausible(case.body)
    ids = case.path_parameters or {}
    if "orderId" in ids:
        # A close ends the binding, so it is never told of the order that is paid.
        closes = path.endswith("/closed")
        ids["orderId"] = pick(ids["orderId"], [CLOSED if closes else ORDER], 10**9 if closes else 20)
    if "transactionId" in ids:
        capture = path.endswith("}") and case.method.upper() == "PUT" and "refundId" not in ids
        ids["transactionId"] = (
            fresh(ids["transactionId"], case.body) if capture
            # A cancelled payment can do nothing any more.
            else pick(ids["transactionId"], captured[:5] if path.endswith("/cancel") else captured, 4)
        )
    if "refundId" in ids:
        ids["refundId"] = fresh(ids["refundId"], case.body)
    if path == "/pos/v1/reservations/{id}/void":
        ids["id"] = pick(ids.get("id"), held, 4)
    if "Idempotency-Key" in (case.headers or {}):
        case.headers["Idempotency-Key"] = fresh(case.headers["Idempotency-Key"], case.body)


@schemathesis.hook
def after_call(context, case, response):
    if response.status_code != 201:
        return
    made = json.loads(response.content)
    if "reservationId" in made:
        held.append(made["reservationId"])
    elif "transactionId" in made:
        captured.append(made["transactionId"])


@schemathesis.deserializer("multipart/form-data")
def multipart(context, response):
    """The parts of `loyalty`: JSON where it says so, else text."""
    boundary = response.headers["content-type"][0].split("boundary=")[1].encode()
    parts = {}
    for part in response.content.split(b"--" + boundary)[1:-1]:
        head, _, body = part.partition(b"\r\n\r\n")
        name = head.split(b"name=")[1].split(b"\r\n")[0].split(b";")[0].strip().decode()
        is_json = b"application/json" in head.lower()
        parts[name] = json.loads(body[:-2]) if is_json else body[:-2].decode("latin-1")
    return parts
