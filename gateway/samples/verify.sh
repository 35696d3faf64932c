#!/usr/bin/env bash
# Xác thực một người qua cổng, chỉ cần bash và curl.
# Verifies one person through the gateway; needs bash and curl only.
#
#   verify.sh BASE_URL CLIENT_ID SECRET_FILE REQUEST_JSON_FILE
#
# Exit codes: 0 answered (matched or not), 1 a problem, 2 wrong usage.
#
# The answers are read with regular expressions, because jq is not on every machine. They are right
# for this API, whose answers are flat; where jq is installed, use jq.

set -euo pipefail
umask 077

connect_timeout_s=5
timeout_s=15      # longer than the gateway takes for one request
retry_after_max_s=60
token_margin_s=30 # a token is renewed so long before it expires

die() { # exit code, message
    printf '%s\n' "$2" >&2
    exit "$1"
}

[ $# -eq 4 ] || die 2 "usage: ${0##*/} BASE_URL CLIENT_ID SECRET_FILE REQUEST_JSON_FILE"
base_url=${1%/} client_id=$2 secret_file=$3 request_file=$4
for file in "$secret_file" "$request_file"; do
    [ -f "$file" ] && [ -r "$file" ] || die 2 "không đọc được tệp / cannot read $file"
done
secret=$(tr -d '\r\n' <"$secret_file")

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# The value of the first member with this name: a text or a number; nothing where there is none.
member() { # name, JSON
    local string='"(([^"\\]|\\.)*)"' number='[0-9]+'
    local pattern="\"$1\"[[:space:]]*:[[:space:]]*($string|$number)"
    [[ $2 =~ $pattern ]] || return 0
    local value=${BASH_REMATCH[2]:-${BASH_REMATCH[1]}}
    value=${value//'\"'/'"'}
    printf '%s' "${value//'\\'/'\'}"
}

# Posts, and leaves the answer in $status and $body. What is secret comes to curl on standard
# input: on its command line every user of the machine could read it.
post() { # path, secret configuration, curl arguments...
    local path=$1 config=$2 attempt wait
    shift 2
    for attempt in 1 2; do
        status=$(curl --silent --show-error --config - \
            --connect-timeout "$connect_timeout_s" --max-time "$timeout_s" \
            --header 'Accept-Language: vi' \
            --dump-header "$folder/head" --output "$folder/body" --write-out '%{http_code}' \
            "$@" "$base_url$path" <<<"$config") ||
            die 1 'không kết nối được tới cổng / cannot reach the gateway'
        body=$(cat "$folder/body" 2>/dev/null || true)
        # 429 and 503 say when to come again. Once; who asks in a loop makes it worse for all.
        case $status in
        429 | 503) ;;
        *) return ;;
        esac
        wait=$(tr -d '\r' <"$folder/head" |
            sed -n 's/^[Rr]etry-[Aa]fter: *\([0-9]\{1,9\}\)$/\1/p' | head -n 1)
        [ "$attempt" -eq 1 ] && [ "${wait:-1}" -le "$retry_after_max_s" ] || return 0
        sleep "${wait:-1}"
    done
}

# Shows the problem document (RFC 9457) in $body and ends.
problem() {
    local rest=$body pattern='\{"pointer":"([^"]*)","code":"([^"]*)"\}'
    {
        printf 'Lỗi %s %s: %s\n' "$status" "$(member code "$body")" "$(member detail "$body")"
        printf 'Mã yêu cầu: %s\n' "$(member request_id "$body")"
        while [[ $rest =~ $pattern ]]; do
            printf '  %s: %s\n' "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}"
            rest=${rest#*"${BASH_REMATCH[0]}"}
        done
    } >&2
    exit 1
}

# A token serves every request until shortly before it expires: the gateway limits how often it
# hands out new ones. A program that runs for long keeps $token and calls this before each request;
# a script started again and again keeps both values in a file that only it can read.
token='' token_until=0
renew_token() {
    if [ -n "$token" ] && [ "$SECONDS" -lt "$token_until" ]; then
        return
    fi
    # Identifiers and secrets of this gateway need no escaping in curl's configuration.
    post /oauth2/token "user = \"$client_id:$secret\"" --data grant_type=client_credentials
    [ "$status" = 200 ] || problem
    token=$(member access_token "$body")
    token_until=$((SECONDS + $(member expires_in "$body") - token_margin_s))
}

renew_token
# --data-binary sends the file as it is: UTF-8 stays UTF-8.
post /v1/verifications "header = \"Authorization: Bearer $token\"" \
    --header 'Content-Type: application/json' --data-binary "@$request_file"
[ "$status" = 200 ] && [ -n "$(member outcome "$body")" ] || problem

printf 'Kết quả: %s\n' "$(member outcome "$body")"
# One line per attribute: every member that is an object with a verdict.
rest=$body pattern='"([a-z_]+)":(\{"verdict":[^{}]*\})'
while [[ $rest =~ $pattern ]]; do
    name=${BASH_REMATCH[1]} shown=${BASH_REMATCH[2]}
    rest=${rest#*"${BASH_REMATCH[0]}"}
    reason=$(member reason "$shown")
    printf '  %s: %s%s\n' "$name" "$(member verdict "$shown")" "${reason:+ ($reason)}"
done
advice=$(member vi "$body")
[ -z "$advice" ] || printf 'Hướng dẫn: %s\n' "$advice"
printf 'Biên nhận: %s %s %s\n' \
    "$(member log "$body")" "$(member index "$body")" "$(member leaf "$body")"
