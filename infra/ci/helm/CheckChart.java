import static java.nio.file.StandardCopyOption.REPLACE_EXISTING;

import com.google.gson.GsonBuilder;
import com.google.gson.JsonElement;
import com.google.gson.JsonPrimitive;
import com.marcnuri.helm.Helm;
import io.kubernetes.client.openapi.JSON;
import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.constructor.SafeConstructor;

/**
 * Renders a chart with Helm's own engine, once for each file of values, and checks every object as the API server of a
 * strict client would: against the models that the Kubernetes project generates from its OpenAPI description. Unknown
 * fields, missing fields and wrong types are problems. Prints one JSON array, an entry for each file of values.
 */
public final class CheckChart {
  private static final String MODELS = "io.kubernetes.client.openapi.models.";

  public static void main(String[] arguments) throws IOException {
    JSON.setGson(JSON.createGson().create());
    Helm chart = new Helm(withoutKubeVersion(Path.of(arguments[0])));
    var answers = Arrays.stream(arguments).skip(1).map(values -> check(chart, Path.of(values))).toList();
    System.out.println(new GsonBuilder().serializeNulls().create().toJson(answers));
  }

  /** Helm's engine takes the cluster to be Kubernetes 1.20 when there is none, and cannot be told otherwise from here. */
  private static Path withoutKubeVersion(Path chart) throws IOException {
    Path copy = Files.createTempDirectory("chart");
    Runtime.getRuntime().addShutdownHook(new Thread(() -> delete(copy)));
    try (var files = Files.walk(chart)) {
      for (Path file : files.toList()) Files.copy(file, copy.resolve(chart.relativize(file)), REPLACE_EXISTING);
    }
    Path metadata = copy.resolve("Chart.yaml");
    var lines = Files.readAllLines(metadata).stream().filter(line -> !line.startsWith("kubeVersion:")).toList();
    Files.write(metadata, lines);
    return copy;
  }

  private static void delete(Path directory) {
    try (var files = Files.walk(directory)) {
      files.sorted(Comparator.reverseOrder()).forEach(file -> file.toFile().delete());
    } catch (IOException gone) {
      System.err.println("left behind: " + directory);
    }
  }

  private static Map<String, Object> check(Helm chart, Path values) {
    Map<String, Object> answer = new LinkedHashMap<>();
    answer.put("values", values.getFileName().toString());
    List<Map<String, Object>> objects = new ArrayList<>();
    try {
      String manifest = chart.template().withName("ci").withNamespace("builds").withValuesFile(values).call();
      LoaderOptions options = new LoaderOptions();
      options.setAllowDuplicateKeys(false);
      for (Object document : new Yaml(new SafeConstructor(options)).loadAll(manifest)) {
        if (document == null) continue;
        objects.add(withProblem(document));
      }
    } catch (RuntimeException refused) {
      answer.put("refused", String.valueOf(refused.getMessage()));
    }
    answer.put("objects", objects);
    return answer;
  }

  private static Map<String, Object> withProblem(Object document) {
    Map<String, Object> entry = new LinkedHashMap<>();
    entry.put("object", document);
    JsonElement json = new GsonBuilder().create().toJsonTree(document);
    try {
      Class<?> model = modelOf(json);
      entry.put("model", model == null ? null : model.getSimpleName());
      entry.put("problems", model == null ? List.of() : problemsOf(json, model));
    } catch (ReflectiveOperationException | RuntimeException problem) {
      Throwable cause = problem instanceof InvocationTargetException wrapper ? wrapper.getCause() : problem;
      entry.put("problems", List.of(String.valueOf(cause.getMessage())));
    }
    return entry;
  }

  private static List<String> problemsOf(JsonElement json, Class<?> model) throws ReflectiveOperationException {
    model.getMethod("validateJsonElement", JsonElement.class).invoke(null, json);
    List<String> problems = new ArrayList<>();
    compare("", json, JSON.getGson().toJsonTree(JSON.getGson().fromJson(json, model)), problems);
    return problems;
  }

  /** What a model does not know is lost on the way through it, and what is of another type comes back as the right one. */
  private static void compare(String path, JsonElement given, JsonElement read, List<String> problems) {
    if (read == null) {
      if (!given.isJsonNull()) problems.add(path + " is not known");
    } else if (given.isJsonObject() && read.isJsonObject()) {
      for (var field : given.getAsJsonObject().entrySet())
        compare(path + "/" + field.getKey(), field.getValue(), read.getAsJsonObject().get(field.getKey()), problems);
    } else if (given.isJsonArray() && read.isJsonArray()) {
      for (int i = 0; i < given.getAsJsonArray().size(); i++)
        compare(path + "/" + i, given.getAsJsonArray().get(i), read.getAsJsonArray().get(i), problems);
    } else if (!kindOf(given).equals(kindOf(read))) {
      problems.add(path + " must be " + kindOf(read) + " and is " + kindOf(given));
    }
  }

  private static String kindOf(JsonElement json) {
    if (!json.isJsonPrimitive()) return json.isJsonObject() ? "an object" : json.isJsonArray() ? "an array" : "null";
    JsonPrimitive primitive = json.getAsJsonPrimitive();
    return primitive.isString() ? "a string" : primitive.isNumber() ? "a number" : "a boolean";
  }

  /** The model of a built-in kind; null for a kind that something installed in the cluster defines. */
  private static Class<?> modelOf(JsonElement json) {
    String apiVersion = json.getAsJsonObject().get("apiVersion").getAsString();
    String kind = json.getAsJsonObject().get("kind").getAsString();
    String group = apiVersion.contains("/") ? apiVersion.substring(0, apiVersion.indexOf('/')) : "";
    if (group.contains(".") && !group.endsWith(".k8s.io")) return null;
    String version = apiVersion.substring(apiVersion.indexOf('/') + 1);
    String name = Character.toUpperCase(version.charAt(0)) + version.substring(1) + kind;
    try {
      return Class.forName(MODELS + name);
    } catch (ClassNotFoundException unknown) {
      throw new IllegalArgumentException("Kubernetes has no " + kind + " in " + apiVersion);
    }
  }
}
