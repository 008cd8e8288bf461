# Verifies every DKIM signature of mails with dkimpy. Reads { "dns": "ip:port", "mails": [file, ...] } from stdin and writes,
# for each mail, the list of [selector, verdict] from the topmost signature down. Records are asked of that name server.
import json
import re
import socket
import struct
import sys

import dkim


def ask(name, server):
    """The strings of the TXT record of a name, over TCP; None where there is none."""
    host, port = server.rsplit(":", 1)
    labels = [label for label in name.rstrip(".").split(".")]
    question = b"".join(bytes([len(label)]) + label.encode() for label in labels) + b"\0"
    query = struct.pack(">HHHHHH", 7, 0x0100, 1, 0, 0, 0) + question + struct.pack(">HH", 16, 1)
    with socket.create_connection((host, int(port)), 10) as line:
        line.sendall(struct.pack(">H", len(query)) + query)
        size = struct.unpack(">H", line.recv(2, socket.MSG_WAITALL))[0]
        answer = line.recv(size, socket.MSG_WAITALL)
    if struct.unpack(">H", answer[6:8])[0] == 0:
        return None
    at = 12 + len(question) + 4
    while answer[at]:  # the owner, in full
        at += 1 + answer[at]
    length = struct.unpack(">H", answer[at + 9 : at + 11])[0]
    data, text = answer[at + 11 : at + 11 + length], b""
    while data:
        text, data = text + data[1 : 1 + data[0]], data[1 + data[0] :]
    return text


def verdicts(path, server):
    with open(path, "rb") as file:
        raw = file.read()
    signatures = re.findall(rb"(?:^|\r\n)DKIM-Signature:(.*?)(?=\r\n(?![ \t]))", raw.split(b"\r\n\r\n")[0] + b"\r\n", re.S)
    found = []
    for index, signature in enumerate(signatures):
        selector = re.search(rb"[;\s]s=([^;\s]+)", signature).group(1).decode()
        try:
            good = dkim.DKIM(raw).verify(idx=index, dnsfunc=lambda name, timeout=5: ask(name.decode(), server))
        except dkim.DKIMException as error:
            good = str(error)
        found.append([selector, good])
    return found


job = json.load(sys.stdin)
json.dump([verdicts(path, job["dns"]) for path in job["mails"]], sys.stdout)
