import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * A receiver and its tests, with nothing but Java 17: {@code java ReceiverTest.java}, while
 * {@code emitter serve --ephemeral --start 2030-01-07T09:00:00Z} runs (EMITTER_URL, EMITTER_TOKEN: elsewhere).
 * In a project of yours the methods of the tests would be those of JUnit.
 */
public class ReceiverTest {
    static final String KEY = "test-signing-key";

    public static void main(String[] arguments) throws Exception {
        RequestApp app = new RequestApp();
        int failures = 0;
        for (Test test : TESTS) {
            try (Receiver receiver = new Receiver()) {
                app.ask("POST", "reset", "{}");
                app.ask("POST", "webhooks", json("url", receiver.url(), "signingKey", KEY));
                test.body().run(app, receiver);
                System.out.println("ok      " + test.name());
            } catch (AssertionError | IOException error) {
                failures++;
                System.out.println("FAILED  " + test.name() + "\n" + error.getMessage().indent(8).stripTrailing());
            }
        }
        System.out.println(TESTS.size() - failures + " passed, " + failures + " failed");
        System.exit(failures == 0 ? 0 : 1);
    }

    interface Body {
        void run(RequestApp app, Receiver receiver) throws IOException;
    }

    record Test(String name, Body body) {}

    static final List<Test> TESTS = List.of(
        new Test("what is signed with its key is accepted, and nothing else", (app, receiver) -> {
            app.trigger("{\"type\": \"access-revoked\"}");
            app.trigger("{\"type\": \"access-revoked\", \"faults\": [\"wrong-signature\"]}");

            app.expect("{\"deliveries\": {\"accepted\": 1, \"rejected\": 1, \"statuses\": {\"401\": 1}}}", "{}");
        }),
        new Test("a ticket is open for as long as the access lasts", (app, receiver) -> {
            String claims = id(app.act("publish", "{\"name\": \"Claims 2025\"}"));
            String wish = id(app.act("request", json("product", claims)));
            check("open".equals(receiver.tickets.get(claims)), "the ticket is " + receiver.tickets.get(claims));

            app.act("approve", json("request", wish, "duration", "30d"));
            app.ask("POST", "clock/advance", json("by", "31d"));

            check("closed".equals(receiver.tickets.get(claims)), "the ticket is " + receiver.tickets.get(claims));
            app.expect(
                "{\"events\": {\"access-expiring\": 2, \"access-expired\": 1}, \"contract\": \"valid\","
                    + " \"world\": {\"wish\": {\"status\": \"EXPIRED\"}}}",
                json("wish", wish));
        }),
        new Test("a receiver may be a scripted one", (app, receiver) -> {
            String opened = app.ask("POST", "receivers", "{\"answers\": \"500,200\", \"register\": true}");
            app.trigger("{\"type\": \"access-revoked\"}");

            String caught = app.ask("GET", "receivers/" + id(opened) + "/captures?count=1&timeout=10s", "");
            check(caught.contains("\"status\":500"), caught);
            app.expect("{\"receivers\": {\"" + id(opened) + "\": {\"events\": [\"access-revoked\"]}}}", "{}");
        }),
        new Test("what did not come is told in words", (app, receiver) -> {
            try {
                app.expect("{\"events\": [\"access-expired\"]}", "{}");
            } catch (AssertionError error) {
                check(error.getMessage().contains("expected  1 events, in this order: access-expired"), error.getMessage());
                return;
            }
            throw new AssertionError("it held, and should not have");
        }));

    /** A simulated Request app over HTTP. */
    static class RequestApp {
        private final String url = System.getenv().getOrDefault("EMITTER_URL", "http://127.0.0.1:8080");
        private final String token = System.getenv().getOrDefault("EMITTER_TOKEN", "any");
        private final HttpClient client = HttpClient.newHttpClient();

        String ask(String method, String path, String body) throws IOException {
            HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(url + "/simulator/" + path))
                .header("Authorization", "Bearer " + token)
                .method(method, HttpRequest.BodyPublishers.ofString(body));
            if (!body.isEmpty()) {
                request.header("Content-Type", "application/json");
            }
            try {
                HttpResponse<String> answer = client.send(request.build(), HttpResponse.BodyHandlers.ofString());
                if (answer.statusCode() >= 300) {
                    throw new AssertionError(answer.statusCode() + " " + answer.body());
                }
                return answer.body();
            } catch (InterruptedException error) {
                throw new IOException(error);
            }
        }

        /** Sends an event of any type, and returns once its deliveries are over. */
        String trigger(String asked) throws IOException {
            return ask("POST", "trigger?wait=10s", asked);
        }

        /** Does something in the simulated app, and returns the thing that it was done to. */
        String act(String action, String parameters) throws IOException {
            String done = ask("POST", "world/act?wait=10s",
                "{\"action\": \"" + action + "\", \"parameters\": " + parameters + "}");
            return done.substring(done.indexOf("\"entity\":"));
        }

        /** Fails with what came instead. The words are those of a scenario's expect. */
        void expect(String expected, String things) throws IOException {
            String judged = ask("POST", "expectations", "{\"expect\": " + expected + ", \"things\": " + things + "}");
            check(judged.contains("\"passed\":true,\"text\""), text(judged));
        }
    }

    /** The receiver under test: it verifies the signature over the raw body, and keeps a ticket for each data product. */
    static class Receiver implements AutoCloseable {
        final Map<String, String> tickets = new ConcurrentHashMap<>();
        private final HttpServer server;

        Receiver() throws IOException {
            server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
            server.setExecutor(Executors.newCachedThreadPool(task -> {
                Thread thread = new Thread(task);
                thread.setDaemon(true);
                return thread;
            }));
            server.createContext("/hook", this::handle);
            server.start();
        }

        String url() {
            return "http://127.0.0.1:" + server.getAddress().getPort() + "/hook";
        }

        private void handle(HttpExchange exchange) throws IOException {
            byte[] body = exchange.getRequestBody().readAllBytes();
            String given = exchange.getRequestHeaders().getFirst("X-Immuta-Webhook-Signature-SHA256");
            boolean right = given != null && MessageDigest.isEqual(given.getBytes(), signature(body).getBytes());
            if (right) {
                take(new String(body, StandardCharsets.UTF_8));
            }
            exchange.sendResponseHeaders(right ? 204 : 401, -1);
            exchange.close();
        }

        private void take(String event) {
            String product = member(event, "dataProductId");
            String type = member(event, "type");
            if (type.endsWith("access_requests.created")) {
                tickets.put(product, "open");
            }
            if (type.endsWith("access_requests.expired") || type.endsWith("access_requests.revoked")) {
                tickets.put(product, "closed");
            }
        }

        private static String signature(byte[] body) {
            try {
                Mac mac = Mac.getInstance("HmacSHA256");
                mac.init(new SecretKeySpec(KEY.getBytes(StandardCharsets.UTF_8), "HmacSHA256"));
                return HexFormat.of().formatHex(mac.doFinal(body));
            } catch (java.security.GeneralSecurityException error) {
                throw new IllegalStateException(error);
            }
        }

        @Override
        public void close() {
            server.stop(0);
        }
    }

    // Java brings no JSON. These few lines are enough for flat members; use the library of your project.

    static String json(String... pairs) {
        StringBuilder text = new StringBuilder("{");
        for (int place = 0; place < pairs.length; place += 2) {
            text.append(place == 0 ? "" : ", ").append('"').append(pairs[place]).append("\": \"").append(pairs[place + 1]).append('"');
        }
        return text.append('}').toString();
    }

    static String id(String text) {
        return member(text, "id");
    }

    static String member(String text, String name) {
        Matcher found = Pattern.compile("\"" + name + "\":\\s*\"((?:[^\"\\\\]|\\\\.)*)\"").matcher(text);
        return found.find() ? found.group(1) : "";
    }

    static String text(String judged) {
        return member(judged, "text").replace("\\n", "\n").replace("\\\"", "\"");
    }

    static void check(boolean right, String otherwise) {
        if (!right) {
            throw new AssertionError(otherwise);
        }
    }
}
