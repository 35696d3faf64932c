#!/usr/bin/env python3
"""Xác thực một người qua cổng, chỉ cần thư viện chuẩn của Python 3.
Verifies one person through the gateway; needs Python 3 and its standard library only.

    verify.py BASE_URL CLIENT_ID SECRET_FILE REQUEST_JSON_FILE

Exit codes: 0 answered (matched or not), 1 a problem, 2 wrong usage.
"""

import base64
import http.client
import json
import sys
import time
import urllib.error
import urllib.request

TIMEOUT_S = 15  # longer than the gateway takes for one request
RETRY_AFTER_MAX_S = 60
TOKEN_MARGIN_S = 30  # a token is renewed so long before it expires


class Problem(Exception):
    """The gateway refused: a status and its problem document (RFC 9457)."""

    def __init__(self, status, document):
        super().__init__(status)
        self.status = status
        self.document = document


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """The gateway never redirects, and the secret must not follow somebody who does."""

    def redirect_request(self, *_):
        return None


class Gateway:
    """One client of the gateway. Keep it: it keeps its token."""

    def __init__(self, base_url, client_id, secret):
        self.base_url = base_url.rstrip("/")
        self.client_id = client_id
        self.secret = secret
        self.opener = urllib.request.build_opener(NoRedirect)
        self.token = None
        self.token_until = 0.0

    def verify(self, request):
        """Asks whether what `request` says about a person is true."""
        # Vietnamese stays as it is and goes over the wire as UTF-8.
        body = json.dumps(request, ensure_ascii=False).encode("utf-8")
        return self._post(
            "/v1/verifications",
            body,
            {
                "Authorization": "Bearer " + self._token(),
                "Content-Type": "application/json",
            },
        )

    def _token(self):
        # A token serves every request until shortly before it expires: the gateway limits how
        # often it hands out new ones. A program that runs for long keeps this object and with it
        # the token; with several threads, put a lock around these lines.
        if self.token is None or time.monotonic() >= self.token_until:
            # client_secret_basic, RFC 6749, section 2.3.1. Identifiers and secrets of this gateway
            # are of characters that need no encoding.
            pair = f"{self.client_id}:{self.secret}".encode("utf-8")
            answer = self._post(
                "/oauth2/token",
                b"grant_type=client_credentials",
                {
                    "Authorization": "Basic " + base64.b64encode(pair).decode("ascii"),
                    "Content-Type": "application/x-www-form-urlencoded",
                },
            )
            self.token = answer["access_token"]
            self.token_until = time.monotonic() + answer["expires_in"] - TOKEN_MARGIN_S
        return self.token

    def _post(self, path, body, headers):
        headers = {"Accept-Language": "vi", **headers}
        request = urllib.request.Request(self.base_url + path, body, headers, method="POST")
        for attempt in (1, 2):
            try:
                with self.opener.open(request, timeout=TIMEOUT_S) as response:
                    return json.loads(response.read().decode("utf-8"))
            except urllib.error.HTTPError as error:
                # 429 and 503 say when to come again. Once; who asks in a loop makes it worse.
                wait = retry_after(error.headers)
                if attempt == 2 or error.code not in (429, 503) or wait > RETRY_AFTER_MAX_S:
                    raise Problem(error.code, document(error.read())) from error
            time.sleep(wait)


def retry_after(headers):
    """Seconds to wait."""
    text = headers.get("Retry-After", "")
    return int(text) if text.isdecimal() else 1


def document(body):
    """The problem document; empty where somebody else answered, such as a proxy."""
    try:
        parsed = json.loads(body.decode("utf-8"))
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}


def show_answer(answer):
    print("Kết quả:", answer["outcome"])
    # The policy may hide the attributes.
    for name, shown in answer.get("attributes", {}).items():
        reason = f" ({shown['reason']})" if "reason" in shown else ""
        print(f"  {name}: {shown['verdict']}{reason}")
    if "advice" in answer:
        print("Hướng dẫn:", answer["advice"]["vi"])
    receipt = answer["receipt"]
    print("Biên nhận:", receipt["log"], receipt["index"], receipt["leaf"])


def show_problem(problem):
    told = problem.document
    print(f"Lỗi {problem.status} {told.get('code', '')}: {told.get('detail', '')}", file=sys.stderr)
    print("Mã yêu cầu:", told.get("request_id", ""), file=sys.stderr)
    for field in told.get("errors", []):
        print(f"  {field['pointer']}: {field['code']}", file=sys.stderr)


def main(arguments):
    # Whatever the terminal is set to.
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8")
    if len(arguments) != 4:
        print("usage: verify.py BASE_URL CLIENT_ID SECRET_FILE REQUEST_JSON_FILE", file=sys.stderr)
        return 2
    base_url, client_id, secret_file, request_file = arguments
    try:
        with open(secret_file, encoding="utf-8") as file:
            secret = file.read().strip()
        # With or without the byte order mark that Windows puts in front.
        with open(request_file, encoding="utf-8-sig") as file:
            request = json.load(file)
    except (OSError, ValueError) as error:
        print("không đọc được tệp / cannot read the file:", error, file=sys.stderr)
        return 2
    try:
        show_answer(Gateway(base_url, client_id, secret).verify(request))
        return 0
    except Problem as problem:
        show_problem(problem)
    except (OSError, http.client.HTTPException, ValueError) as error:
        print("không kết nối được tới cổng / cannot reach the gateway:", error, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
