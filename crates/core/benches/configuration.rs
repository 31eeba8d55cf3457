//! Parsing, merging and validating configurations, by the number of files of about 4 KiB.

use std::fmt::Write;
use std::hint::black_box;
use std::time::Duration;

use criterion::{
    BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group, criterion_main,
};
use windlass_core::config::{self, Configuration, Format, Layer, MergeRules, Node, Schema};

const COUNTS: [u64; 4] = [10, 100, 1_000, 10_000];
const FILE_BYTES: usize = 4 << 10;

const SCHEMA: &str = r#"{
  "type": "object",
  "additionalProperties": {
    "type": "object",
    "required": ["host", "port", "enabled"],
    "additionalProperties": false,
    "properties": {
      "host": { "type": "string", "pattern": "^[a-z0-9.-]+$" },
      "port": { "type": "integer", "minimum": 1, "maximum": 65535 },
      "enabled": { "type": "boolean" },
      "tags": { "type": "array", "items": { "type": "string" }, "uniqueItems": true }
    }
  }
}"#;

/// Returns a layer of about 4 KiB.
fn defaults() -> String {
    let mut text = String::new();
    for nth in 0.. {
        if text.len() >= FILE_BYTES {
            break;
        }
        let port = 8_000 + nth;
        let _ = writeln!(
            text,
            "service-{nth}:\n  host: host-{nth}.internal\n  port: {port}\n  enabled: true\n  \
             tags: [web, blue, zone-{nth}]"
        );
    }
    text
}

/// Returns the layer of an environment, which changes one setting of each service.
fn overlay(defaults: &str) -> String {
    let services = defaults.matches("  host:").count();
    (0..services).fold(String::new(), |mut text, nth| {
        let _ = writeln!(text, "service-{nth}:\n  enabled: {}", nth % 2 == 0);
        text
    })
}

fn parsed(text: &str) -> Node {
    config::parse(Format::Yaml, "app.yaml", black_box(text)).expect("the layer is valid")
}

/// Parses a layer, once a file.
fn parse(criterion: &mut Criterion) {
    let defaults = defaults();
    grow(criterion, "parse", &COUNTS[..3], || {
        black_box(parsed(&defaults));
    });
}

/// Merges two layers that are parsed, once a file.
fn merge(criterion: &mut Criterion) {
    let defaults = defaults();
    let (base, overlay) = (parsed(&defaults), parsed(&overlay(&defaults)));
    let rules = MergeRules::default();
    grow(criterion, "merge", &COUNTS, || {
        let merged = config::merge(base.clone(), overlay.clone(), &rules);
        black_box(merged.expect("the layers fit"));
    });
}

/// Validates a configuration, once a file.
fn validate(criterion: &mut Criterion) {
    let defaults = defaults();
    let layer = Layer { file: "app.yaml", format: Format::Yaml, text: &defaults };
    let configuration = Configuration::from_layers(&[layer], &MergeRules::default());
    let configuration = configuration.expect("the layer is valid");
    let schema = Schema::compile("app.schema.json", SCHEMA).expect("the schema is valid");
    assert!(schema.validate(&configuration).is_empty(), "the configuration is valid");
    grow(criterion, "validate", &COUNTS, || {
        black_box(schema.validate(black_box(&configuration)));
    });
}

/// Measures `work` so many times as there are files.
fn grow(criterion: &mut Criterion, name: &str, counts: &[u64], work: impl Fn()) {
    let mut group = criterion.benchmark_group(name);
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    group.warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_secs(1));
    for &count in counts {
        group.throughput(Throughput::Elements(count));
        group.bench_function(BenchmarkId::from_parameter(count), |bencher| {
            bencher.iter(|| (0..count).for_each(|_| work()));
        });
    }
    group.finish();
}

criterion_group!(benches, parse, merge, validate);
criterion_main!(benches);
