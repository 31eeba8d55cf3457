//! Planning stages, and what the state machine of a rollout costs by the number of hosts.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use windlass_core::rehearsal::rehearse;
use windlass_core::rollout::{Rollout, Setup};
use windlass_core::strategy::{Member, StrategySpec, check_stages, create_strategy};
use windlass_core::target::TargetId;

const COUNTS: [u64; 3] = [100, 1_000, 10_000];

/// Returns hosts in eight zones.
fn fleet(hosts: u64) -> Vec<Member> {
    let host = |n: u64| {
        let member = Member::new(TargetId::new(format!("web{n}.example")));
        member.labelled("zone", format!("z{}", n % 8))
    };
    (0..hosts).map(host).collect()
}

fn stages(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("stages");
    for name in StrategySpec::NAMES {
        let spec = create_strategy(name).expect("a known name");
        for hosts in COUNTS {
            let members = fleet(hosts);
            group.throughput(Throughput::Elements(hosts));
            group.bench_function(BenchmarkId::new(name, hosts), |bencher| {
                bencher.iter(|| {
                    let stages = spec.strategy().stages(black_box(&members));
                    check_stages(&members, &stages).expect("they are sound");
                    stages
                });
            });
        }
    }
    group.finish();
}

fn rehearsals(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("rehearsal");
    group.sample_size(10);
    for name in StrategySpec::NAMES {
        let spec = create_strategy(name).expect("a known name");
        for hosts in COUNTS {
            let setup = Setup::of(spec.strategy(), fleet(hosts));
            group.throughput(Throughput::Elements(hosts));
            group.bench_function(BenchmarkId::new(name, hosts), |bencher| {
                bencher.iter(|| rehearse(setup.clone(), &[], 0).expect("it can be rehearsed"));
            });
        }
    }
    group.finish();
}

fn beginnings(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("rollout");
    for hosts in COUNTS {
        let setup = Setup::of(StrategySpec::default().strategy(), fleet(hosts));
        group.throughput(Throughput::Elements(hosts));
        group.bench_function(BenchmarkId::new("new", hosts), |bencher| {
            bencher.iter(|| Rollout::new(black_box(setup.clone())).expect("the stages are sound"));
        });
    }
    group.finish();
}

criterion_group!(benches, stages, beginnings, rehearsals);
criterion_main!(benches);
