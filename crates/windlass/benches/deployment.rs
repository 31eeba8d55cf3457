//! Planning and deploying to a local target, by the number of files of about 4 KiB.
//!
//! Every deployment goes to a new target from a new workspace, and all of them are removed at the
//! end: ext4 without a journal takes long to make files after others were removed.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{
    BatchSize, BenchmarkGroup, BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group,
    criterion_main,
};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use windlass::engine::{Engine, Options};
use windlass::project::LoadedProject;
use windlass::{DeploymentStatus, Input};
use windlass_core::target::Address;

const COUNTS: [u64; 4] = [10, 100, 1_000, 10_000];
const FILE_BYTES: usize = 4 << 10;

const PROJECT: &str = r#"
[project]
name = "bench"

[services.conf]
files = [{ directory = "templates", path = "conf" }]

[environments.bench]
type = "testing"
config_path = "/etc/bench"
variables = { DB_HOST = "db.internal" }
targets = ["local:./state"]
"#;

/// A project with so many templates, each other than the others.
struct Bench {
    directory: TempDir,
    project: LoadedProject,
    runtime: Runtime,
    engines: AtomicU64,
}

impl Bench {
    fn new(files: u64) -> Self {
        let directory = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
        let templates = directory.path().join("templates");
        fs::create_dir(&templates).expect("made");
        fs::write(directory.path().join("windlass.toml"), PROJECT).expect("written");
        for nth in 0..files {
            fs::write(templates.join(format!("{nth:05}.conf")), template(nth)).expect("written");
        }
        let project = LoadedProject::find(directory.path()).expect("the project is valid");
        let runtime = Runtime::new().expect("a runtime");
        Self { directory, project, runtime, engines: AtomicU64::new(0) }
    }

    /// Returns an engine with a workspace and a target of its own.
    fn engine(&self) -> Engine {
        let nth = self.engines.fetch_add(1, Ordering::Relaxed);
        let place = self.directory.path().join(format!("run-{nth}"));
        let mut project = self.project.clone();
        for environment in project.project.environments.values_mut() {
            for target in &mut environment.targets {
                target.address = local(&place.join("target"));
            }
        }
        let workspace = Some(place.join("workspace"));
        let options = Options { project: Some(project), workspace, ..Options::default() };
        Engine::open(options).expect("opens")
    }

    fn deploy(&self, engine: &Engine) {
        let deployed = self.runtime.block_on(engine.deploy("bench", &Input::Project, "bench"));
        assert_eq!(deployed.expect("deploys").status, DeploymentStatus::Success);
    }

    fn plan(&self, engine: &Engine) {
        let plan = self.runtime.block_on(engine.plan("bench", &Input::Project)).expect("plans");
        assert!(plan.targets.iter().all(windlass_core::plan::TargetPlan::is_unchanged));
    }
}

fn local(root: &Path) -> Address {
    Address::Local { root: root.to_str().expect("UTF-8").to_owned() }
}

fn template(nth: u64) -> String {
    let mut text = format!("# file {nth}\n");
    for line in 0.. {
        if text.len() >= FILE_BYTES {
            break;
        }
        let _ = writeln!(text, "setting_{line} = ${{DB_HOST}} # {:040}", nth * 7_919 + line);
    }
    text
}

/// Deploys to an empty target from an empty workspace: everything is flushed to the disk.
fn deploy(criterion: &mut Criterion) {
    grow(criterion, "deploy", |group, id, bench| {
        group.bench_function(id, |bencher| {
            let run = |engine: Engine| bench.deploy(&engine);
            bencher.iter_batched(|| bench.engine(), run, BatchSize::PerIteration);
        });
    });
}

/// Plans a deployment that changes nothing: everything is rendered and compared.
fn plan(criterion: &mut Criterion) {
    grow(criterion, "plan", |group, id, bench| {
        let engine = bench.engine();
        bench.deploy(&engine);
        group.bench_function(id, |bencher| bencher.iter(|| bench.plan(&engine)));
    });
}

fn grow(
    criterion: &mut Criterion,
    name: &str,
    measure: impl Fn(&mut BenchmarkGroup<'_, WallTime>, BenchmarkId, &Bench),
) {
    let mut group = criterion.benchmark_group(name);
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    group.warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_secs(1));
    // All are removed after the last measurement, not one before the next.
    let benches = COUNTS.map(|count| (count, Bench::new(count)));
    for (count, bench) in &benches {
        group.throughput(Throughput::Elements(*count));
        measure(&mut group, BenchmarkId::from_parameter(count), bench);
    }
    group.finish();
}

// `plan` makes few files, so it may come after a removal.
criterion_group!(benches, deploy, plan);
criterion_main!(benches);
