//! `deploy_configuration` as a function of its own: it works in the current directory, which is why
//! nothing else is tested in this process.

use std::collections::BTreeMap;

use windlass::{ConfigurationDeployer, DeploymentStatus, EnvironmentType, deploy_configuration};
use windlass_testing::TestProject;

#[tokio::test]
async fn it_deploys_to_an_environment_of_the_workspace_here() {
    let project = TestProject::new();
    project.write("app.yaml", "host: ${HOST}\n");
    std::env::set_current_dir(project.path()).expect("it is a directory");
    let variables = BTreeMap::from([("HOST".to_owned(), "db".to_owned())]);
    let deployer = ConfigurationDeployer::new(None).expect("a workspace can be made here");
    let live = project.at("live");
    let created =
        deployer.create_environment("dev", EnvironmentType::Development, &live, variables);
    let _ = created.await.expect("it is new");

    let record = deploy_configuration("dev", &["app.yaml".into()], "ann").await;
    let record = record.expect("it can be deployed");
    assert_eq!((record.status, record.deployed_by.as_str()), (DeploymentStatus::Success, "ann"));
    assert_eq!(project.read("live/app.yaml"), "host: db\n");
    assert!(project.at(".windlass/environments/dev.json").is_file());
    let saved = format!(".windlass/config_deployments/{}.json", record.deployment_id);
    assert!(project.read(saved).contains("\"success\""));
}
