import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.ObjectWriter;
import com.fasterxml.jackson.databind.cfg.CoercionAction;
import com.fasterxml.jackson.databind.cfg.CoercionInputShape;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.type.LogicalType;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.regex.Pattern;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueBytesStoreSupplier;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;

/** The reference job on Kafka Streams: one thread, exactly once v2, both stores with their changelogs. Argument: memory or rocksdb. */
public class Router {
    static final int MOST_REPORTS = 8;
    static final Pattern CELL = Pattern.compile("[0-9]{15}");
    static final byte[] SEEN = {1};
    static final ObjectMapper JSON = strict();
    static final ObjectReader RAW = JSON.readerFor(Raw.class);
    static boolean first = true;

    @JsonIgnoreProperties(ignoreUnknown = true)
    public static class Raw {
        public String source_id, network, reported_at, cell, category, text, reporter;
        public Double lon, lat;
        public Integer severity;
    }

    public static class Event {
        public String id, cell, cat, t;
        public double lon, lat;
        public int sev;
        public String reporter, text;
    }

    public static class Case {
        @JsonProperty("case") public String id;
        public String cell, cat;
        public List<String> reports = new ArrayList<>(MOST_REPORTS);
        public String state, dept, opened;
        public double lon, lat;
        public String text;
    }

    public static class Dispatch {
        @JsonProperty("case") public String id;
        public String cell, dept, opened, text;
    }

    public static class Refused {
        public String reason, raw;
    }

    /** Of hop 1: one of the two. */
    static class Normalised {
        Event event;
        Refused refused;
    }

    /** Of hop 2; the dispatch only of a new case. */
    static class Merged {
        Case changed;
        Dispatch dispatch;
    }

    /** No number is text, no text a number, no fraction an integer: as strict as the other contenders. */
    static ObjectMapper strict() {
        return JsonMapper.builder()
            .disable(MapperFeature.ALLOW_COERCION_OF_SCALARS)
            .disable(DeserializationFeature.ACCEPT_FLOAT_AS_INT)
            .withCoercionConfig(LogicalType.Textual, config -> config
                .setCoercion(CoercionInputShape.Integer, CoercionAction.Fail)
                .setCoercion(CoercionInputShape.Float, CoercionAction.Fail)
                .setCoercion(CoercionInputShape.Boolean, CoercionAction.Fail))
            .build();
    }

    static <T> Serde<T> json(Class<T> type) {
        ObjectReader reader = JSON.readerFor(type);
        ObjectWriter writer = JSON.writerFor(type);
        return Serdes.serdeFrom(
            (topic, value) -> {
                try {
                    return value == null ? null : writer.writeValueAsBytes(value);
                } catch (IOException error) {
                    throw new UncheckedIOException(error);
                }
            },
            (topic, bytes) -> {
                try {
                    return bytes == null ? null : reader.readValue(bytes);
                } catch (IOException error) {
                    throw new UncheckedIOException(error);
                }
            });
    }

    static void length(String name, String value, int least, int most) {
        if (value == null || value.length() < least || value.length() > most) throw new IllegalArgumentException(name + ": missing or of a wrong length");
    }

    static void range(String name, Number value, double least, double most) {
        if (value == null || !(value.doubleValue() >= least && value.doubleValue() <= most)) throw new IllegalArgumentException(name + ": missing or out of range");
    }

    static Normalised normalise(byte[] value) {
        if (first) {
            first = false;
            System.out.printf("FIRST %.4f%n", System.currentTimeMillis() / 1000.0);
            System.out.flush();
        }
        Normalised made = new Normalised();
        try {
            made.event = eventOf(RAW.readValue(value));
        } catch (IOException | RuntimeException error) {
            String reason = String.valueOf(error.getMessage());
            made.refused = new Refused();
            made.refused.reason = reason.substring(0, Math.min(200, reason.length()));
            made.refused.raw = new String(value, StandardCharsets.UTF_8);
        }
        return made;
    }

    static Event eventOf(Raw raw) {
        length("source_id", raw.source_id, 1, 64);
        length("network", raw.network, 1, 32);
        length("category", raw.category, 1, 16);
        length("text", raw.text, 0, 2000);
        length("reporter", raw.reporter, 1, 64);
        length("cell", raw.cell, 15, 15);
        length("reported_at", raw.reported_at, 1, 64);
        if (!CELL.matcher(raw.cell).matches()) throw new IllegalArgumentException("cell: not 15 digits");
        range("lon", raw.lon, -180, 180);
        range("lat", raw.lat, -90, 90);
        range("severity", raw.severity, 0, 5);
        Event event = new Event();
        event.id = raw.network + ":" + raw.source_id;
        event.cell = raw.cell;
        event.cat = raw.category;
        event.t = OffsetDateTime.parse(raw.reported_at).toString();
        event.lon = raw.lon;
        event.lat = raw.lat;
        event.sev = raw.severity;
        event.reporter = raw.reporter;
        event.text = raw.text;
        return event;
    }

    static class Merge implements Processor<String, Event, String, Merged> {
        ProcessorContext<String, Merged> context;
        KeyValueStore<String, Case> latest;
        KeyValueStore<String, byte[]> seen;

        @Override
        public void init(ProcessorContext<String, Merged> given) {
            context = given;
            latest = given.getStateStore("latest");
            seen = given.getStateStore("seen");
        }

        @Override
        public void process(Record<String, Event> record) {
            Event event = record.value();
            if (seen.putIfAbsent(event.id, SEEN) != null) return;
            String place = event.cell + "|" + event.cat;
            Merged merged = new Merged();
            merged.changed = latest.get(place);
            if (merged.changed == null || merged.changed.reports.size() >= MOST_REPORTS) {
                merged.changed = open(event);
                merged.dispatch = dispatchOf(merged.changed);
            }
            merged.changed.reports.add(event.id);
            latest.put(place, merged.changed);
            context.forward(record.withKey(merged.changed.id).withValue(merged));
        }
    }

    static Case open(Event event) {
        Case opened = new Case();
        opened.id = event.id;
        opened.cell = event.cell;
        opened.cat = event.cat;
        opened.state = "dispatched";
        opened.dept = "dept" + event.cell.charAt(14);
        opened.opened = event.t;
        opened.lon = event.lon;
        opened.lat = event.lat;
        opened.text = event.text;
        return opened;
    }

    static Dispatch dispatchOf(Case opened) {
        Dispatch dispatch = new Dispatch();
        dispatch.id = opened.id;
        dispatch.cell = opened.cell;
        dispatch.dept = opened.dept;
        dispatch.opened = opened.opened;
        dispatch.text = opened.text;
        return dispatch;
    }

    /** With `large`, batches as large as those of grid-router's engine; else as Kafka Streams comes. */
    static Properties properties(Map<String, String> environment, boolean large) {
        Properties properties = new Properties();
        properties.put(StreamsConfig.APPLICATION_ID_CONFIG, environment.get("BENCH_PREFIX") + "streams");
        properties.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, environment.get("BENCH_KAFKA"));
        properties.put(StreamsConfig.STATE_DIR_CONFIG, environment.get("BENCH_FOLDER"));
        properties.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 1);
        properties.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
        properties.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        properties.put(StreamsConfig.consumerPrefix("auto.offset.reset"), "earliest");
        properties.put(StreamsConfig.producerPrefix("acks"), "all");
        if (large) {
            properties.put(StreamsConfig.producerPrefix("batch.size"), 1 << 20);
            properties.put(StreamsConfig.producerPrefix("buffer.memory"), 128 << 20);
            properties.put(StreamsConfig.consumerPrefix("max.poll.records"), 4000);
            properties.put(StreamsConfig.consumerPrefix("max.partition.fetch.bytes"), 2 << 20);
        }
        return properties;
    }

    static StreamsBuilder topology(Map<String, String> environment, boolean rocks) {
        String prefix = environment.get("BENCH_PREFIX");
        Serde<String> text = Serdes.String();
        StreamsBuilder builder = new StreamsBuilder();
        builder.addStateStore(store("latest", rocks, json(Case.class)));
        builder.addStateStore(store("seen", rocks, Serdes.ByteArray()));
        KStream<byte[], Normalised> normalised = builder
            .stream(environment.get("BENCH_RAW"), Consumed.with(Serdes.ByteArray(), Serdes.ByteArray()))
            .mapValues(Router::normalise);
        normalised.filter((key, made) -> made.refused != null).mapValues(made -> made.refused)
            .to(prefix + "dlq", Produced.with(Serdes.ByteArray(), json(Refused.class)));
        normalised.filter((key, made) -> made.event != null).map((key, made) -> KeyValue.pair(made.event.cell, made.event))
            .to(prefix + "grid", Produced.with(text, json(Event.class)));
        KStream<String, Merged> merged = builder
            .stream(prefix + "grid", Consumed.with(text, json(Event.class)))
            .process(Merge::new, "latest", "seen");
        merged.mapValues(one -> one.changed).to(prefix + "cases", Produced.with(text, json(Case.class)));
        merged.filter((key, one) -> one.dispatch != null).map((key, one) -> KeyValue.pair(one.changed.cell, one.dispatch))
            .to(prefix + "dispatch", Produced.with(text, json(Dispatch.class)));
        return builder;
    }

    static <T> StoreBuilder<KeyValueStore<String, T>> store(String name, boolean rocks, Serde<T> values) {
        KeyValueBytesStoreSupplier supplier = rocks ? Stores.persistentKeyValueStore(name) : Stores.inMemoryKeyValueStore(name);
        return Stores.keyValueStoreBuilder(supplier, Serdes.String(), values);
    }

    public static void main(String[] arguments) {
        Map<String, String> environment = System.getenv();
        boolean large = arguments.length > 1 && arguments[1].equals("large");
        KafkaStreams streams = new KafkaStreams(
            topology(environment, arguments[0].equals("rocksdb")).build(), properties(environment, large));
        Runtime.getRuntime().addShutdownHook(new Thread(streams::close));
        streams.start();
    }
}
