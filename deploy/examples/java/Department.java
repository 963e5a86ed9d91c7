import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/** A department: reads its tasks, answers `accept` and `handled`, and knows what it has answered. ../README.md says how to start it. */
public final class Department {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final String name;
    private final String feedback;
    private final Path journal;
    private final KafkaProducer<String, byte[]> producer;
    /** Records whose answers were begun, with the time that the answers carry. */
    private final Map<String, String> begun = new HashMap<>();
    private final Set<String> done = new HashSet<>();

    private Department(String name, String namespace, Path journal, KafkaProducer<String, byte[]> producer) throws IOException {
        this.name = name;
        this.feedback = namespace + "feedback." + name;
        this.journal = journal;
        this.producer = producer;
        for (String line : Files.exists(journal) ? Files.readAllLines(journal) : List.<String>of()) {
            String[] part = line.split(" ");
            if (part.length != 3) continue; // a crash cut it off
            if (part[0].equals("begun")) begun.put(part[2], part[1]);
            else done.add(part[2]);
        }
    }

    public static void main(String[] arguments) throws Exception {
        String name = arguments[0];
        String kafka = System.getenv().getOrDefault("KAFKA", "127.0.0.1:9092");
        String namespace = System.getenv().getOrDefault("NAMESPACE", "");
        Map<String, Object> reading = Map.of(
            "bootstrap.servers", kafka,
            "group.id", namespace + name + "-example",
            "isolation.level", "read_committed", // otherwise tasks of aborted transactions come, too
            "enable.auto.commit", false,
            "auto.offset.reset", "earliest");
        Map<String, Object> writing = Map.of("bootstrap.servers", kafka, "acks", "all", "enable.idempotence", true);
        try (var consumer = new KafkaConsumer<>(reading, new StringDeserializer(), new ByteArrayDeserializer());
                var producer = new KafkaProducer<>(writing, new StringSerializer(), new ByteArraySerializer())) {
            var department = new Department(name, namespace, Path.of(arguments[1]), producer);
            var main = Thread.currentThread();
            Runtime.getRuntime().addShutdownHook(new Thread(() -> {
                consumer.wakeup();
                try {
                    main.join();
                } catch (InterruptedException interrupted) {
                    Thread.currentThread().interrupt();
                }
            }));
            consumer.subscribe(List.of(namespace + "tasks." + name));
            while (true) {
                for (var record : consumer.poll(Duration.ofSeconds(1))) department.take(record);
                consumer.commitSync(); // only now: everything polled is answered
            }
        } catch (WakeupException asked) {
            System.out.println("ended");
        }
    }

    private void take(ConsumerRecord<String, byte[]> record) throws IOException, ExecutionException, InterruptedException {
        if (!header(record.headers(), "ce_type").equals("grid.task.dispatched.v1")) return;
        String key = header(record.headers(), "ce_source") + "|" + header(record.headers(), "ce_id");
        JsonNode task = JSON.readTree(record.value());
        if (done.contains(key)) {
            System.out.println("duplicate " + task.get("id").asText());
            return;
        }
        // a crash repeats the answers under the same ids and with the same time, and the router counts each once
        if (!begun.containsKey(key)) write("begun", Instant.now().toString(), key);
        answer(task, "accept", begun.get(key));
        answer(task, "handled", begun.get(key)); // a real department does the work first
        write("done", begun.get(key), key);
        System.out.println("answered " + task.get("id").asText());
    }

    /** Send one answer as a CloudEvent in binary mode, and wait until Kafka has stored it. */
    private void answer(JsonNode task, String kind, String time) throws IOException, ExecutionException, InterruptedException {
        String id = task.get("id").asText() + "/" + kind;
        var said = JSON.createObjectNode()
            .put("id", id)
            .put("task", task.get("id").asText())
            .put("partition_key", task.get("partition_key").asText())
            .put("kind", kind)
            .put("actor", name + "-example")
            .put("occurred_at", time);
        var record = new ProducerRecord<>(feedback, task.get("id").asText(), JSON.writeValueAsBytes(said));
        var headers = Map.of(
            "ce_specversion", "1.0",
            "ce_id", id,
            "ce_source", "/departments/" + name,
            "ce_type", "org.example.task." + kind + ".v1",
            "ce_time", time,
            "content-type", "application/json");
        headers.forEach((header, text) -> record.headers().add(header, text.getBytes(StandardCharsets.UTF_8)));
        producer.send(record).get();
    }

    /** Add a line to the journal, which stands for the department's database. */
    private void write(String state, String time, String key) throws IOException {
        String line = state + " " + time + " " + key + "\n";
        Files.writeString(journal, line, StandardOpenOption.CREATE, StandardOpenOption.APPEND, StandardOpenOption.SYNC);
        if (state.equals("begun")) begun.put(key, time);
        else done.add(key);
    }

    private static String header(Headers headers, String name) {
        var found = headers.lastHeader(name);
        return found == null ? "" : new String(found.value(), StandardCharsets.UTF_8);
    }
}
