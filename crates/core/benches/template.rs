//! Substituting and rendering templates, by the number of files of about 4 KiB.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::hint::black_box;
use std::time::Duration;

use criterion::{
    BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group, criterion_main,
};
use windlass_core::template::{Context, Jinja, substitute as substituted};

const COUNTS: [u64; 4] = [10, 100, 1_000, 10_000];
const FILE_BYTES: usize = 4 << 10;
const VARIABLES: usize = 20;

fn variables() -> BTreeMap<String, String> {
    (0..VARIABLES).map(|nth| (format!("SETTING_{nth}"), format!("value-{nth}"))).collect()
}

/// Returns a template of about 4 KiB; `place` writes a variable.
fn template(place: impl Fn(&str) -> String) -> String {
    let mut text = String::new();
    for nth in 0.. {
        if text.len() >= FILE_BYTES {
            break;
        }
        let place = place(&format!("SETTING_{}", nth % VARIABLES));
        let _ = writeln!(text, "setting_{nth} = {place} # and {:060}", nth * 7_919);
    }
    text
}

/// Substitutes `${KEY}`, once a file.
fn substitute(criterion: &mut Criterion) {
    let (text, variables) = (template(|name| format!("${{{name}}}")), variables());
    grow(criterion, "substitute", |_| {
        black_box(substituted(black_box(&text), &variables).expect("every variable is set"));
    });
}

/// Renders a `.j2` template, once a file: each file is compiled, as in a deployment.
fn render(criterion: &mut Criterion) {
    let text = template(|name| format!("{{{{ {name} }}}}"));
    let values = variables().into_iter().map(|(name, value)| (name, value.into())).collect();
    let (jinja, context) = (Jinja::new(), Context::new(&serde_json::Value::Object(values)));
    grow(criterion, "render", |nth| {
        let name = format!("{nth}.conf.j2");
        black_box(jinja.render(&name, black_box(&text), &context).expect("it renders"));
    });
}

/// Measures `work` so many times as there are files.
fn grow(criterion: &mut Criterion, name: &str, work: impl Fn(u64)) {
    let mut group = criterion.benchmark_group(name);
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    group.warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_secs(1));
    for count in COUNTS {
        group.throughput(Throughput::Elements(count));
        group.bench_function(BenchmarkId::from_parameter(count), |bencher| {
            bencher.iter(|| (0..count).for_each(&work));
        });
    }
    group.finish();
}

criterion_group!(benches, substitute, render);
criterion_main!(benches);
