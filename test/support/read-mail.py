# Reads mails with Python's own email package, so that what Postern writes is read by a parser of another make.
# In: a line of base64 for each mail. Out: a line of JSON for each, its headers decoded and its parts as a tree.
import base64
import email
import email.policy
import email.utils
import hashlib
import json
import sys
from email.header import decode_header, make_header

# Python's own limit of a line's length is for writing; for reading it changes nothing.
POLICY = email.policy.default


def addresses(raw, name):
    # By the older parser: that of policy=default keeps the space between the encoded words of a name,
    # which RFC 2047 6.2 leaves out.
    old = email.message_from_bytes(raw, policy=email.policy.compat32)
    found = []
    for phrase, address in email.utils.getaddresses([str(value) for value in old.get_all(name, [])]):
        found.append({"name": str(make_header(decode_header(phrase))), "address": address})
    return found


def part(node):
    shown = {
        "type": node.get_content_type(),
        "params": {k: str(v) for k, v in node["content-type"].params.items()} if node["content-type"] else {},
        "disposition": node.get_content_disposition(),
        "filename": node.get_filename(),
        "content_id": str(node["content-id"]) if node["content-id"] else None,
        "encoding": str(node["content-transfer-encoding"] or "7bit").lower(),
        "defects": [type(defect).__name__ for defect in node.defects],
    }
    if node.is_multipart():
        shown["parts"] = [part(child) for child in node.iter_parts()]
        return shown
    octets = node.get_payload(decode=True) or b""
    shown["size"] = len(octets)
    shown["sha256"] = hashlib.sha256(octets).hexdigest()
    if shown["type"].startswith("text/") or shown["type"] == "application/ics":
        shown["text"] = octets.decode("utf-8")
    return shown


for line in sys.stdin:
    raw = base64.b64decode(line)
    mail = email.message_from_bytes(raw, policy=POLICY)
    head = raw.split(b"\r\n\r\n", 1)[0]
    print(
        json.dumps(
            {
                "headers": [[name, str(value)] for name, value in mail.items()],
                "names": [name.lower() for name in mail.keys()],
                "subject": str(mail["subject"]) if mail["subject"] is not None else None,
                "from": addresses(raw, "from"),
                "to": addresses(raw, "to"),
                "cc": addresses(raw, "cc"),
                "reply_to": addresses(raw, "reply-to"),
                "longest_header_line": max((len(line) for line in head.split(b"\r\n")), default=0),
                "body": part(mail),
            }
        )
    )
