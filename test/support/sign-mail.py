# Signs mails with dkimpy. Reads a JSON list of { raw, domain, selector, key, ... } from stdin, raw in base64, and writes
# the list of signed mails in base64. `tags` puts in or replaces tags of the signature: what dkimpy itself never writes.
import base64
import json
import sys

import dkim


def sign(job):
    raw = base64.b64decode(job["raw"])
    domain = job["domain"].encode()
    selector = job["selector"].encode()
    key = job["key"].encode()
    if job.get("arc"):
        # What a list has found of the mail, which is what it seals.
        raw = b"Authentication-Results: " + job["arc"].encode() + b"; dkim=pass\r\n" + raw
        sealed = dkim.arc_sign(raw, selector, domain, key, job["arc"].encode())
        return b"".join(sealed) + raw
    signer = dkim.DKIM(raw, signature_algorithm=job.get("algorithm", "rsa-sha256").encode(), minkey=512)
    tags = {name.encode(): value.encode() for name, value in job.get("tags", {}).items()}
    gen_header = signer.gen_header

    def with_tags(fields, *rest, **more):
        kept = [(name, tags.pop(name, value)) for name, value in fields]
        return gen_header([*tags.items(), *kept], *rest, **more)

    signer.gen_header = with_tags
    canon = job.get("canon", "relaxed/relaxed").encode().split(b"/")
    headers = job.get("headers")
    header = signer.sign(
        selector,
        domain,
        key,
        identity=job["identity"].encode() if "identity" in job else None,
        canonicalize=tuple(canon),
        include_headers=[name.encode() for name in headers] if headers else None,
        length=job.get("length", False),
    )
    return header + raw


json.dump([base64.b64encode(sign(job)).decode() for job in json.load(sys.stdin)], sys.stdout)
