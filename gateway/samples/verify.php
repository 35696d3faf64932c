<?php
/*
 * Xác thực một người qua cổng, chỉ cần PHP 7.4 trở lên (https cần phần mở rộng openssl).
 * Verifies one person through the gateway; needs PHP 7.4 or later only (https: with openssl).
 *
 *     php verify.php BASE_URL CLIENT_ID SECRET_FILE REQUEST_JSON_FILE
 *
 * Exit codes: 0 answered (matched or not), 1 a problem, 2 wrong usage.
 */

declare(strict_types=1);

const TIMEOUT_S = 15; // longer than the gateway takes for one request
const RETRY_AFTER_MAX_S = 60;
const TOKEN_MARGIN_S = 30; // a token is renewed so long before it expires

/** The gateway refused: a status and its problem document (RFC 9457). */
final class Problem extends Exception
{
    public int $status;
    public array $document;

    public function __construct(int $status, array $document)
    {
        parent::__construct("status $status");
        $this->status = $status;
        $this->document = $document;
    }
}

/** One client of the gateway. Keep it: it keeps its token. */
final class Gateway
{
    private string $baseUrl;
    private string $clientId;
    private string $secret;
    private ?string $token = null;
    private float $tokenUntil = 0.0;

    public function __construct(string $baseUrl, string $clientId, string $secret)
    {
        $this->baseUrl = rtrim($baseUrl, '/');
        $this->clientId = $clientId;
        $this->secret = $secret;
    }

    /** Asks whether what the body, JSON in UTF-8, says about a person is true. */
    public function verify(string $body): array
    {
        return $this->post('/v1/verifications', $body, [
            'Authorization: Bearer ' . $this->token(),
            'Content-Type: application/json',
        ]);
    }

    /**
     * A token serves every request until shortly before it expires: the gateway limits how often it
     * hands out new ones. A web page forgets this object after each request: there, keep the token
     * and its end in APCu or in a file that only the web server can read.
     */
    private function token(): string
    {
        if ($this->token === null || hrtime(true) / 1e9 >= $this->tokenUntil) {
            // client_secret_basic, RFC 6749, section 2.3.1. Identifiers and secrets of this gateway
            // are of characters that need no encoding.
            $answer = $this->post('/oauth2/token', 'grant_type=client_credentials', [
                'Authorization: Basic ' . base64_encode("$this->clientId:$this->secret"),
                'Content-Type: application/x-www-form-urlencoded',
            ]);
            $this->token = $answer['access_token'];
            $this->tokenUntil = hrtime(true) / 1e9 + $answer['expires_in'] - TOKEN_MARGIN_S;
        }
        return $this->token;
    }

    private function post(string $path, string $body, array $headers): array
    {
        for ($attempt = 1; ; $attempt++) {
            [$status, $retryAfter, $text] = $this->send($path, $body, $headers);
            $answer = json_decode($text, true);
            if ($status === 200 && is_array($answer)) {
                return $answer;
            }
            // 429 and 503 say when to come again. Once; who asks in a loop makes it worse for all.
            $again = $status === 429 || $status === 503;
            if ($attempt === 2 || !$again || $retryAfter > RETRY_AFTER_MAX_S) {
                // Where somebody else answered, such as a proxy, there is no document.
                throw new Problem($status, is_array($answer) ? $answer : []);
            }
            sleep($retryAfter);
        }
    }

    /** Sends one request: status, seconds to wait, body. */
    private function send(string $path, string $body, array $headers): array
    {
        $context = stream_context_create(['http' => [
            'method' => 'POST',
            'header' => array_merge($headers, ['Accept-Language: vi']),
            'content' => $body,
            'protocol_version' => 1.1,
            'timeout' => TIMEOUT_S,
            'ignore_errors' => true, // the body of a refusal is wanted too
            'follow_location' => 0, // the gateway never redirects
        ]]);
        $stream = @fopen($this->baseUrl . $path, 'rb', false, $context);
        if ($stream === false) {
            throw new RuntimeException(error_get_last()['message'] ?? 'no connection');
        }
        $text = stream_get_contents($stream);
        $meta = stream_get_meta_data($stream);
        fclose($stream);
        if ($text === false || $meta['timed_out']) {
            throw new RuntimeException('the answer did not come in time');
        }
        [$status, $retryAfter] = [0, 1];
        foreach ($meta['wrapper_data'] as $line) {
            if (preg_match('#^HTTP/\S+ (\d{3})#', $line, $found)) {
                $status = (int) $found[1];
            } elseif (preg_match('/^Retry-After: *(\d{1,9})\s*$/i', $line, $found)) {
                $retryAfter = (int) $found[1];
            }
        }
        return [$status, $retryAfter, $text];
    }
}

function show_answer(array $answer): void
{
    echo "Kết quả: {$answer['outcome']}\n";
    // The policy may hide the attributes.
    foreach ($answer['attributes'] ?? [] as $name => $shown) {
        $reason = isset($shown['reason']) ? " ({$shown['reason']})" : '';
        echo "  $name: {$shown['verdict']}$reason\n";
    }
    if (isset($answer['advice'])) {
        echo "Hướng dẫn: {$answer['advice']['vi']}\n";
    }
    $receipt = $answer['receipt'];
    echo "Biên nhận: {$receipt['log']} {$receipt['index']} {$receipt['leaf']}\n";
}

function show_problem(Problem $problem): void
{
    $told = $problem->document + ['code' => '', 'detail' => '', 'request_id' => '', 'errors' => []];
    fwrite(STDERR, "Lỗi $problem->status {$told['code']}: {$told['detail']}\n");
    fwrite(STDERR, "Mã yêu cầu: {$told['request_id']}\n");
    foreach ($told['errors'] as $field) {
        fwrite(STDERR, "  {$field['pointer']}: {$field['code']}\n");
    }
}

function main(array $arguments): int
{
    if (count($arguments) !== 4) {
        fwrite(STDERR, "usage: php verify.php BASE_URL CLIENT_ID SECRET_FILE REQUEST_JSON_FILE\n");
        return 2;
    }
    [$baseUrl, $clientId, $secretFile, $requestFile] = $arguments;
    $secret = @file_get_contents($secretFile);
    $request = @file_get_contents($requestFile);
    if ($secret === false || $request === false) {
        fwrite(STDERR, "không đọc được tệp / cannot read $secretFile or $requestFile\n");
        return 2;
    }
    // PHP's strings are bytes: what is UTF-8 in the file is UTF-8 on the wire. Only the byte order
    // mark that Windows puts in front goes. A body made here: json_encode(.., JSON_UNESCAPED_UNICODE).
    $request = preg_replace('/^\xEF\xBB\xBF/', '', $request);
    try {
        show_answer((new Gateway($baseUrl, $clientId, trim($secret)))->verify($request));
        return 0;
    } catch (Problem $problem) {
        show_problem($problem);
    } catch (RuntimeException $error) {
        $message = $error->getMessage();
        fwrite(STDERR, "không kết nối được tới cổng / cannot reach the gateway: $message\n");
    }
    return 1;
}

exit(main(array_slice($argv, 1)));
