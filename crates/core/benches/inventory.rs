//! Reading inventories and making targets of them, by the number of hosts.

use std::fmt::Write;
use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use windlass_core::inventory::{Format, parse};

const COUNTS: [u64; 3] = [1_000, 10_000, 50_000];

/// Returns an INI inventory: hosts one by one with three variables each, in 50 groups of 2 regions.
fn ini(hosts: u64) -> String {
    let mut text = String::new();
    for nth in 0..hosts {
        if nth % (hosts / 50) == 0 {
            let _ = writeln!(text, "[group{}]", nth / (hosts / 50));
        }
        let (a, b) = (nth / 250, nth % 250);
        let _ =
            writeln!(text, "web{nth}.example ansible_host=10.0.{a}.{b} http_port=8080 rack=r{b}");
    }
    for region in 0..2 {
        let _ =
            writeln!(text, "[region{region}:vars]\nregion=r{region}\n[region{region}:children]");
        for group in (region..50).step_by(2) {
            let _ = writeln!(text, "group{group}");
        }
    }
    text.push_str("[all:vars]\nansible_user=deploy\nDB_HOST=db.internal\n");
    text
}

fn inventories(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("inventory");
    group.sample_size(10);
    for hosts in COUNTS {
        let text = ini(hosts);
        let inventory = parse(&text, Format::AnsibleIni, "hosts").expect("valid");
        group.throughput(Throughput::Elements(hosts));
        group.bench_function(BenchmarkId::new("parse INI", hosts), |bencher| {
            bencher.iter(|| parse(black_box(&text), Format::AnsibleIni, "hosts"));
        });
        group.bench_function(BenchmarkId::new("targets", hosts), |bencher| {
            bencher.iter(|| black_box(&inventory).targets());
        });
    }
    group.finish();
}

criterion_group!(benches, inventories);
criterion_main!(benches);
