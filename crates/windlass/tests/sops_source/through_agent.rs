//! Sealed objects on their way to an agent in a process of its own.

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use windlass::host::{Host, HostError, Reach, Reacher, RemoteHost};
use windlass::{Engine, Input, Options, Subject};
use windlass_core::name::EnvironmentName;
use windlass_core::target::{Address, Target};
use windlass_testing::Canaries;

use crate::agent_process;
use crate::place::Place;

const PROJECT: &str = r#"
[project]
name = "shop"

[services.web]
files = [{ source = "all.conf", path = "all.conf" }]
check = "tail -n 50 $STAGED/all.conf"
on_change = "tail -n 50 $CONFIG_PATH/all.conf"

[environments.staging]
type = "staging"
config_path = "/etc"
secrets = "secrets/staging.yaml"
targets = ["local:state"]
"#;

/// Reaches every target through an agent.
struct Agents;

impl Reacher for Agents {
    fn reach(
        &self,
        target: &Target,
        config_path: &str,
        how: &Reach,
    ) -> Result<Arc<dyn Host>, HostError> {
        let Address::Local { root } = &target.address else { panic!("all of them are local") };
        let root = how.base.join(root);
        let connector = Arc::new(agent_process::connector());
        let root = root.to_str().expect("UTF-8");
        Ok(Arc::new(RemoteHost::new(target, root, config_path, connector, how)?))
    }
}

fn engine(place: &Place) -> Engine {
    place.engine(Options { reacher: Some(Arc::new(Agents)), ..Options::default() })
}

#[tokio::test]
async fn an_agent_gets_the_file_and_its_mode_and_gives_the_one_before_back() {
    let (planted, rotated) = (Canaries::new(3, 20), Canaries::new(4, 20));
    let search = planted.search(&[&rotated]);
    let place = Place::new(PROJECT, &planted);
    let live = |canaries: &Canaries| {
        let text = place.project.read("state/etc/all.conf");
        canaries.iter().all(|(_, value)| text.contains(value))
    };
    engine(&place).deploy("staging", &Input::Project, "me").await.expect("deployed");
    assert!(live(&planted));
    place.keep(&rotated);
    engine(&place).deploy("staging", &Input::Project, "me").await.expect("deployed");
    assert!(live(&rotated));
    let latest = Subject::Latest(EnvironmentName::new("staging").expect("a name"));
    engine(&place).rollback(&latest, "me").await.expect("restored");
    assert!(live(&planted));
    let mode = place.project.at("state/etc/all.conf").metadata().expect("there").permissions();
    assert_eq!(mode.mode() & 0o7777, 0o600);
    assert!(place.said().contains("[secret C0"), "the commands printed them");
    search.assert_none("the events", place.said());
}
