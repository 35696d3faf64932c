import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.net.HttpURLConnection;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Xác thực một người qua cổng, chỉ cần Java 8 trở lên.
 * Verifies one person through the gateway; needs Java 8 or later only.
 *
 * <pre>
 * javac -encoding UTF-8 Verify.java
 * java Verify BASE_URL CLIENT_ID SECRET_FILE REQUEST_JSON_FILE
 * </pre>
 *
 * Exit codes: 0 answered (matched or not), 1 a problem, 2 wrong usage.
 */
public final class Verify {
    public static void main(String[] arguments) throws Exception {
        // Whatever the terminal is set to.
        PrintStream out = new PrintStream(System.out, true, "UTF-8");
        PrintStream err = new PrintStream(System.err, true, "UTF-8");
        System.exit(run(arguments, out, err));
    }

    private static int run(String[] arguments, PrintStream out, PrintStream err) {
        if (arguments.length != 4) {
            err.println("usage: java Verify BASE_URL CLIENT_ID SECRET_FILE REQUEST_JSON_FILE");
            return 2;
        }
        String secret;
        String request;
        try {
            secret = read(arguments[2]).trim();
            request = read(arguments[3]);
        } catch (IOException error) {
            err.println("không đọc được tệp / cannot read the file: " + error.getMessage());
            return 2;
        }
        try {
            showAnswer(new Gateway(arguments[0], arguments[1], secret).verify(request), out);
            return 0;
        } catch (Problem problem) {
            showProblem(problem, err);
        } catch (IOException error) {
            err.println("không kết nối được tới cổng / cannot reach the gateway: " + error);
        } catch (InterruptedException error) {
            err.println("bị ngắt / interrupted");
        }
        return 1;
    }

    /** A file in UTF-8, with or without the byte order mark that Windows puts in front. */
    private static String read(String file) throws IOException {
        String text = new String(Files.readAllBytes(Paths.get(file)), StandardCharsets.UTF_8);
        return text.startsWith("\uFEFF") ? text.substring(1) : text;
    }

    private static void showAnswer(Map<String, Object> answer, PrintStream out) {
        out.println("Kết quả: " + answer.get("outcome"));
        // The policy may hide the attributes.
        for (Map.Entry<String, Object> attribute : Json.object(answer.get("attributes")).entrySet()) {
            Map<String, Object> shown = Json.object(attribute.getValue());
            String reason = shown.containsKey("reason") ? " (" + shown.get("reason") + ")" : "";
            out.println("  " + attribute.getKey() + ": " + shown.get("verdict") + reason);
        }
        if (answer.containsKey("advice")) {
            out.println("Hướng dẫn: " + Json.object(answer.get("advice")).get("vi"));
        }
        Map<String, Object> receipt = Json.object(answer.get("receipt"));
        out.println("Biên nhận: " + receipt.get("log") + " " + receipt.get("index") + " "
                + receipt.get("leaf"));
    }

    private static void showProblem(Problem problem, PrintStream err) {
        Map<String, Object> told = problem.document;
        err.println("Lỗi " + problem.status + " " + told.getOrDefault("code", "") + ": "
                + told.getOrDefault("detail", ""));
        err.println("Mã yêu cầu: " + told.getOrDefault("request_id", ""));
        for (Object error : Json.list(told.get("errors"))) {
            Map<String, Object> field = Json.object(error);
            err.println("  " + field.get("pointer") + ": " + field.get("code"));
        }
    }
}

/** The gateway refused: a status and its problem document (RFC 9457). */
final class Problem extends Exception {
    private static final long serialVersionUID = 1L;

    final int status;
    final transient Map<String, Object> document;

    Problem(int status, Map<String, Object> document) {
        super("status " + status);
        this.status = status;
        this.document = document;
    }
}

/** One client of the gateway. Keep it: it keeps its token. */
final class Gateway {
    private static final int CONNECT_TIMEOUT_MS = 5_000;
    /** Longer than the gateway takes for one request. */
    private static final int READ_TIMEOUT_MS = 15_000;
    private static final int RETRY_AFTER_MAX_S = 60;
    /** A token is renewed so long before it expires. */
    private static final long TOKEN_MARGIN_S = 30;

    private final String baseUrl;
    private final String clientId;
    private final String secret;
    private String token;
    private long tokenUntilNanos;

    Gateway(String baseUrl, String clientId, String secret) {
        this.baseUrl = baseUrl.replaceAll("/+$", "");
        this.clientId = clientId;
        this.secret = secret;
    }

    /** Asks whether what the request, a JSON object, says about a person is true. */
    Map<String, Object> verify(String request) throws Problem, IOException, InterruptedException {
        return post("/v1/verifications", "application/json", "Bearer " + token(), request);
    }

    /**
     * A token serves every request until shortly before it expires: the gateway limits how often it
     * hands out new ones. A program that runs for long keeps this object and with it the token.
     */
    private synchronized String token() throws Problem, IOException, InterruptedException {
        if (token == null || System.nanoTime() - tokenUntilNanos >= 0) {
            // client_secret_basic, RFC 6749, section 2.3.1. Identifiers and secrets of this gateway
            // are of characters that need no encoding.
            byte[] pair = (clientId + ":" + secret).getBytes(StandardCharsets.UTF_8);
            Map<String, Object> answer = post("/oauth2/token", "application/x-www-form-urlencoded",
                    "Basic " + Base64.getEncoder().encodeToString(pair),
                    "grant_type=client_credentials");
            long seconds = ((Number) answer.get("expires_in")).longValue() - TOKEN_MARGIN_S;
            token = (String) answer.get("access_token");
            tokenUntilNanos = System.nanoTime() + seconds * 1_000_000_000L;
        }
        return token;
    }

    private Map<String, Object> post(String path, String mediaType, String authorization, String body)
            throws Problem, IOException, InterruptedException {
        for (int attempt = 1; ; attempt++) {
            HttpURLConnection connection = send(path, mediaType, authorization, body);
            int status = connection.getResponseCode();
            if (status == 200) {
                return Json.object(Json.parse(text(connection.getInputStream())));
            }
            // 429 and 503 say when to come again. Once; who asks in a loop makes it worse for all.
            boolean again = status == 429 || status == 503;
            int wait = connection.getHeaderFieldInt("Retry-After", 1);
            String told = text(connection.getErrorStream());
            if (attempt == 2 || !again || wait > RETRY_AFTER_MAX_S) {
                throw new Problem(status, document(told));
            }
            Thread.sleep(Math.max(wait, 0) * 1_000L);
        }
    }

    private HttpURLConnection send(String path, String mediaType, String authorization, String body)
            throws IOException {
        HttpURLConnection connection = (HttpURLConnection) new URL(baseUrl + path).openConnection();
        connection.setConnectTimeout(CONNECT_TIMEOUT_MS);
        connection.setReadTimeout(READ_TIMEOUT_MS);
        // The gateway never redirects, and the secret must not follow somebody who does.
        connection.setInstanceFollowRedirects(false);
        connection.setRequestMethod("POST");
        connection.setRequestProperty("Authorization", authorization);
        connection.setRequestProperty("Content-Type", mediaType);
        connection.setRequestProperty("Accept-Language", "vi");
        connection.setDoOutput(true);
        try (OutputStream stream = connection.getOutputStream()) {
            // Never getBytes() without a charset: on Windows that is not UTF-8.
            stream.write(body.getBytes(StandardCharsets.UTF_8));
        }
        return connection;
    }

    private static String text(InputStream stream) throws IOException {
        if (stream == null) {
            return "";
        }
        try (InputStream body = stream) {
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            byte[] buffer = new byte[8_192];
            for (int count = body.read(buffer); count >= 0; count = body.read(buffer)) {
                bytes.write(buffer, 0, count);
            }
            return new String(bytes.toByteArray(), StandardCharsets.UTF_8);
        }
    }

    /** The problem document; empty where somebody else answered, such as a proxy. */
    private static Map<String, Object> document(String body) {
        try {
            return Json.object(Json.parse(body));
        } catch (IOException notJson) {
            return Collections.emptyMap();
        }
    }
}

/** Just enough JSON (RFC 8259) to read an answer; with a library at hand, use the library. */
final class Json {
    private final String text;
    private int at;

    private Json(String text) {
        this.text = text;
    }

    /** Objects become maps, arrays lists, numbers Double or Long, null null. */
    static Object parse(String text) throws IOException {
        Json json = new Json(text);
        try {
            Object value = json.value();
            if (json.next() != '\0') {
                throw new IOException("the answer is not JSON");
            }
            return value;
        } catch (IndexOutOfBoundsException | NumberFormatException broken) {
            throw new IOException("the answer is not JSON", broken);
        }
    }

    /** The value as an object; empty where it is none. */
    @SuppressWarnings("unchecked")
    static Map<String, Object> object(Object value) {
        return value instanceof Map ? (Map<String, Object>) value : Collections.emptyMap();
    }

    /** The value as a list; empty where it is none. */
    static List<?> list(Object value) {
        return value instanceof List ? (List<?>) value : Collections.emptyList();
    }

    /** The next character that is no space; NUL at the end. */
    private char next() {
        while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0) {
            at++;
        }
        return at < text.length() ? text.charAt(at) : '\0';
    }

    private Object value() throws IOException {
        switch (next()) {
            case '{': return members();
            case '[': return items();
            case '"': return string();
            case 't': return word("true", Boolean.TRUE);
            case 'f': return word("false", Boolean.FALSE);
            case 'n': return word("null", null);
            default: return number();
        }
    }

    private Map<String, Object> members() throws IOException {
        Map<String, Object> members = new LinkedHashMap<>();
        for (expect('{'); next() != '}'; ) {
            if (!members.isEmpty()) {
                expect(',');
            }
            next();
            String name = string();
            expect(':');
            members.put(name, value());
        }
        expect('}');
        return members;
    }

    private List<Object> items() throws IOException {
        List<Object> items = new ArrayList<>();
        for (expect('['); next() != ']'; ) {
            if (!items.isEmpty()) {
                expect(',');
            }
            items.add(value());
        }
        expect(']');
        return items;
    }

    private String string() throws IOException {
        StringBuilder string = new StringBuilder();
        for (expect('"'); text.charAt(at) != '"'; at++) {
            char character = text.charAt(at);
            if (character != '\\') {
                string.append(character);
                continue;
            }
            char escape = text.charAt(++at);
            if (escape == 'u') {
                string.append((char) Integer.parseInt(text.substring(at + 1, at + 5), 16));
                at += 4;
            } else {
                int known = "bfnrt".indexOf(escape);
                string.append(known < 0 ? escape : "\b\f\n\r\t".charAt(known));
            }
        }
        at++;
        return string.toString();
    }

    private Number number() {
        int start = at;
        while (at < text.length() && "+-.eE0123456789".indexOf(text.charAt(at)) >= 0) {
            at++;
        }
        String digits = text.substring(start, at);
        if (digits.matches("-?[0-9]{1,18}")) {
            return Long.valueOf(digits);
        }
        return Double.valueOf(digits);
    }

    private Object word(String word, Object value) throws IOException {
        if (!text.startsWith(word, at)) {
            throw new IOException("the answer is not JSON");
        }
        at += word.length();
        return value;
    }

    private void expect(char character) throws IOException {
        if (next() != character) {
            throw new IOException("the answer is not JSON");
        }
        at++;
    }
}
