//! A whole deployment over a connection that is cut at every so many bytes, in both directions.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use windlass::host::remote::Patience;
use windlass::host::{Host, HostError};
use windlass_agent::work::Assignment;
use windlass_core::release::ReleaseId;
use windlass_testing::{SplitMix64, Tree};

use super::fixture::{Fixture, OnlyOnce, deployment};
use super::stream::{Cutting, Direction};

/// How many points there are in each direction.
const POINTS: usize = 110;

struct Deployment {
    fixture: Fixture,
    one: Arc<Assignment>,
    two: Arc<Assignment>,
}

impl Deployment {
    fn new() -> Self {
        let fixture = Fixture::new();
        let bytes = SplitMix64::new(35).bytes(4 << 10);
        let large: String = bytes.iter().map(|byte| char::from(b' ' + byte % 95)).collect();
        let one = fixture.plain(&[("a", "1"), ("b/same", "same"), ("c.plain", "1")]);
        let two = fixture.plain(&[("a", "2"), ("b/same", "same"), ("d.plain", "2"), ("e", &large)]);
        Self { fixture, one, two }
    }

    /// Deploys the first release to the directory `root`.
    async fn begin(&self, root: &str) {
        let connector = Arc::new(OnlyOnce::new());
        let host = self.fixture.host_at(root, connector.clone(), Patience::default());
        go(&host, None, &self.one).await.expect("deployed");
        drop(host);
        connector.agents_end().await;
    }

    fn tree(&self, root: &str) -> Tree {
        Tree::read(self.fixture.path(root).join("etc"))
    }
}

async fn go(
    host: &dyn Host,
    over: Option<ReleaseId>,
    to: &Arc<Assignment>,
) -> Result<(), HostError> {
    host.inspect(Some(Arc::new(to.manifest.clone()))).await?;
    host.prepare(&deployment(), Arc::clone(to), true).await?;
    host.activate(&deployment(), vec![over], Some(Arc::clone(to))).await?;
    host.prune(vec![to.id]).await
}

/// Deploys over a connection that is cut, and returns how many bytes passed and what came of it.
async fn cut_at(
    deployment: &Deployment,
    root: &str,
    direction: Direction,
    bytes: usize,
) -> (Arc<Cutting>, Result<(), HostError>) {
    let connector = Arc::new(Cutting::new(direction, bytes));
    let host = deployment.fixture.host_at(root, connector.clone(), Patience::default());
    let gone = go(&host, Some(deployment.one.id), &deployment.two).await;
    drop(host);
    connector.agent_ends().await;
    (connector, gone)
}

async fn is_whole_wherever_it_is_cut(direction: Direction) {
    let deployment = Deployment::new();
    deployment.begin("old").await;
    let old = deployment.tree("old");
    deployment.begin("whole").await;
    let (connector, gone) = cut_at(&deployment, "whole", direction, usize::MAX).await;
    gone.expect("nothing was cut");
    let (new, total) = (deployment.tree("whole"), connector.passed.of(direction));
    assert_ne!(old, new);
    let mut seen = [0, 0];
    for point in 0..POINTS {
        let bytes = total * point / POINTS;
        let root = format!("{direction:?}-{point}");
        deployment.begin(&root).await;
        let (_, gone) = cut_at(&deployment, &root, direction, bytes).await;
        gone.expect_err("it was cut");
        let tree = deployment.tree(&root);
        assert!(tree == old || tree == new, "{root} {bytes} {tree:?}");
        seen[usize::from(tree == new)] += 1;
        recovers(&deployment, &root).await;
        assert_eq!(deployment.tree(&root), new, "{root}");
        fs::remove_dir_all(deployment.fixture.path(&root)).expect("removed");
    }
    assert!(seen[0] > 0 && seen[1] > 0, "{seen:?}");
}

/// Comes again, over a connection that holds, and sees that nothing of the first one is left.
async fn recovers(deployment: &Deployment, root: &str) {
    let connector = Arc::new(OnlyOnce::new());
    let host = deployment.fixture.host_at(root, connector.clone(), Patience::default());
    let live = host.inspect(None).await.expect("inspected").live.map(|live| live.release);
    assert!([Some(deployment.one.id), Some(deployment.two.id)].contains(&live), "{root}");
    go(&host, live, &deployment.two).await.expect("deployed");
    drop(host);
    assert!(connector.agents_end().await);
    let state = deployment.fixture.path(root).join("etc/.windlass");
    assert_eq!(left_over(&state), Vec::<String>::new(), "{root}");
    let seen = fs::read_dir(state.join("releases")).expect("listed").count();
    assert_eq!(seen, 1, "{root}");
}

fn left_over(state: &Path) -> Vec<String> {
    let names =
        [state.to_owned(), state.join("releases")].map(|dir| fs::read_dir(dir).expect("listed"));
    let names = names.into_iter().flatten();
    let names = names.map(|name| name.expect("listed").file_name().to_string_lossy().into_owned());
    names.filter(|name| name.starts_with("tmp-") || name.contains("partial")).collect()
}

#[tokio::test]
async fn what_the_agent_is_told_may_be_cut_anywhere() {
    is_whole_wherever_it_is_cut(Direction::Down).await;
}

#[tokio::test]
async fn what_the_agent_says_may_be_cut_anywhere() {
    is_whole_wherever_it_is_cut(Direction::Up).await;
}
