// Records what a com.sun.net.httpserver.HttpServer receives, a JSON line each, for `emitter contract`.
// Put it beside your receiver, then:  server.createContext("/hook", handler).getFilters().add(new Recorder("captures.jsonl"));
// In a servlet, read request.getInputStream().readAllBytes() once and call line(...) and write(...) the same way.
import com.sun.net.httpserver.Filter;
import com.sun.net.httpserver.HttpExchange;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;

public class Recorder extends Filter {
    private final Path path;

    public Recorder(String path) {
        this.path = Path.of(path);
    }

    @Override
    public void doFilter(HttpExchange exchange, Chain chain) throws IOException {
        byte[] body = exchange.getRequestBody().readAllBytes();
        exchange.setStreams(new ByteArrayInputStream(body), null);
        try {
            write(line(exchange.getRequestMethod(), exchange.getRequestURI().toString(), exchange.getRequestHeaders(), body));
        } catch (IOException error) {
            System.err.println("not recorded: " + error); // the receiver goes on
        }
        chain.doFilter(exchange);
    }

    static String line(String method, String url, Map<String, List<String>> headers, byte[] body) {
        List<String> pairs = new ArrayList<>();
        headers.forEach((name, values) -> {
            if (!name.equalsIgnoreCase("Authorization") && !name.equalsIgnoreCase("Cookie")) {
                values.forEach(value -> pairs.add("[" + text(name) + "," + text(value) + "]"));
            }
        });
        return "{\"method\":" + text(method) + ",\"url\":" + text(url) + ",\"headers\":[" + String.join(",", pairs)
            + "],\"bodyBase64\":" + text(Base64.getEncoder().encodeToString(body)) + ",\"at\":" + text(Instant.now().toString())
            + "}\n";
    }

    synchronized void write(String line) throws IOException {
        Files.writeString(path, line, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    }

    private static String text(String value) {
        StringBuilder quoted = new StringBuilder("\"");
        for (char each : value.toCharArray()) {
            if (each == '"' || each == '\\') {
                quoted.append('\\').append(each);
            } else if (each < 0x20 || each > 0x7e) {
                quoted.append(String.format("\\u%04x", (int) each));
            } else {
                quoted.append(each);
            }
        }
        return quoted.append('"').toString();
    }

    @Override
    public String description() {
        return "records requests";
    }
}
