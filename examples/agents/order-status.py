"""An agent in Python that needs nothing but its standard library: it tells customers where their order is.

Postern starts it once for every turn, with one event as JSON on stdin. It replies over REST while it runs, and is told at
once what became of the reply: sent, waiting for a person, or refused, and why. What it prints to stdout ends the turn.
"""

import csv
import json
import os
import re
import sys
import urllib.error
import urllib.request

ORDERS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "orders.csv")
ORDER_NUMBER = re.compile(r"\bPO-\d{4,8}\b", re.IGNORECASE)
MOST_ORDERS = 10  # that one mail is told about
TIME_LIMIT_S = 30


def call(method, path, body=None):
    """Calls the gateway with the token of this session, which is all the power that the agent has."""
    request = urllib.request.Request(
        os.environ["POSTERN_API"] + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={
            "Authorization": "Bearer " + os.environ["POSTERN_TOKEN"],
            "Content-Type": "application/json",
        },
    )
    with urllib.request.urlopen(request, timeout=TIME_LIMIT_S) as response:
        return json.load(response)


def status_of(numbers):
    with open(ORDERS, encoding="utf-8", newline="") as file:
        known = {row["order"]: row["status"] for row in csv.DictReader(file)}
    return [(number, known.get(number)) for number in numbers]


def words_for(found):
    lines = ["Hello,", ""]
    for number, status in found:
        lines.append(f"{number}: {status or 'we have no order of that number'}.")
    return "\n".join([*lines, "", "Kind regards"])


def main():
    event = json.load(sys.stdin)
    if event["type"] != "message.received":
        return [{"type": "done", "summary": "A person decided; nothing more to do."}]
    message = event["data"]["message"]
    # Of the mail's own words: what it quotes was asked before.
    text = message["subject"] + "\n" + (message["reply_text"] or message["text"])
    numbers = list(dict.fromkeys(number.upper() for number in ORDER_NUMBER.findall(text)))[:MOST_ORDERS]
    if not numbers:
        sender = (message["from"] or {}).get("address", "Somebody")
        return [{"type": "ask", "question": f"{sender} names no order. What should be answered?"}]
    outcome = call("POST", f"/messages/{message['id']}/reply", {"text": words_for(status_of(numbers))})
    print(f"the reply is {outcome['state']}", file=sys.stderr)
    return [{"type": "done", "summary": f"Answered about {', '.join(numbers)}: {outcome['state']}."}]


if __name__ == "__main__":
    try:
        json.dump({"actions": main()}, sys.stdout)
    except urllib.error.HTTPError as error:
        # The gateway says why in its answer (RFC 9457).
        sys.exit(f"{error.code}: {error.read(2000).decode(errors='replace')}")
