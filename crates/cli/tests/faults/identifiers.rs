//! Deployment ids when many deployments begin in the same second.

use std::collections::BTreeSet;
use std::process::{Child, Stdio};

use windlass_testing::Output;

use crate::site::Site;

#[test]
fn fault_47_deployments_of_one_second_have_ids_of_their_own() {
    let site = Site::deployed();
    let arguments = ["deploy", "dev", "--output", "json", "--quiet"];
    let start = || {
        let mut command = site.windlass().command(&arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs")
    };
    let before = site.records().len();
    let running: Vec<Child> = (0..6).map(|_| start()).collect();
    let mut ids = BTreeSet::new();
    let mut done = 0;
    for child in running {
        let output = Output::new(&arguments, &child.wait_with_output().expect("it ends"));
        let object = output.json();
        if output.code == 0 {
            done += 1;
            ids.insert(object["deployment_id"].as_str().expect("it has an id").to_owned());
        } else {
            let output = output.code(7);
            assert_eq!(object["error"]["kind"], "locked", "{output}");
        }
    }
    assert!(done > 0, "one of them has the lock");
    for _ in 0..3 {
        let object = site.run(&arguments).success().json();
        ids.insert(object["deployment_id"].as_str().expect("it has an id").to_owned());
    }
    assert_eq!(ids.len(), done + 3);
    assert_eq!(site.records().len(), before + done + 3);
}
