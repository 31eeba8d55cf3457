//! Files with `runtime = true`, on a machine with a `/run` of its own.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use windlass_testing::{Output, Windlass};

use crate::shop::Shop;

const PROJECT: &str = r#"
[project]
name = "shop"

[services.web]
files = [
  { source = "app.env", runtime = true },
  { source = "open.conf", layout = "plain" },
]
check = "test ! -e $TARGET_ROOT/wait || read -r _ < $TARGET_ROOT/wait; grep -q . $STAGED/app.env"
on_change = "cat $CONFIG_PATH/app.env >> $TARGET_ROOT/../seen"

[environments.staging]
type = "staging"
config_path = "/etc"
secrets = "secrets/staging.yaml"
targets = ["local:state"]
"#;

const FIRST: &str = "correct-horse-battery";
const SECOND: &str = "staple-comes-after-it";

/// A mount namespace in which `/run` is in memory and empty. It is gone when this is dropped, as after
/// a restart.
struct Machine {
    child: Child,
}

impl Machine {
    fn start() -> Self {
        let script = "mount -t tmpfs -o mode=755 tmpfs /run && echo ready && exec cat";
        let mut command = Command::new("unshare");
        if !rustix::process::geteuid().is_root() {
            command.args(["--user", "--map-root-user"]);
        }
        command.args(["--mount", "sh", "-c", script]);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("started");
        let mut line = String::new();
        let said = BufReader::new(child.stdout.as_mut().expect("piped")).read_line(&mut line);
        assert!(said.is_ok() && line == "ready\n", "this test needs a mount namespace: {line:?}");
        Self { child }
    }

    fn command(&self, windlass: &Windlass, directory: &str, words: &[&str]) -> Command {
        let (target, go) =
            (self.child.id().to_string(), format!("cd '{directory}' && exec \"$0\" \"$@\""));
        let mut wrapper = vec!["nsenter", "--mount", "--target", &target];
        if !rustix::process::geteuid().is_root() {
            wrapper.extend(["--user", "--preserve-credentials"]);
        }
        wrapper.extend(["sh", "-c", &go]);
        windlass.wrapped(&wrapper, words)
    }

    fn windlass(&self, shop: &Shop, words: &[&str]) -> Output {
        let directory = shop.project.path();
        let mut command = self.command(&shop.windlass(), directory.to_str().expect("UTF-8"), words);
        Output::new(words, &command.output().expect("run"))
    }

    /// Returns what a program on the machine sees of a file of the target, with its mode.
    fn live(&self, shop: &Shop, path: &str) -> String {
        let directory = shop.project.at("state/etc");
        let shell = Windlass::new("/bin/sh", shop.project.path(), shop.project.home());
        let script = format!("stat -L -c %a {path} && cat {path}");
        let words = ["-c", &script];
        let mut command = self.command(&shell, directory.to_str().expect("UTF-8"), &words);
        String::from_utf8(command.output().expect("run").stdout).expect("UTF-8")
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

fn shop() -> Shop {
    let shop = Shop::new(PROJECT);
    shop.project
        .directory("state")
        .write("app.env", "PASSWORD=${PASSWORD}\n")
        .write("open.conf", "open\n");
    shop.keep(&format!("PASSWORD: {FIRST}\n"));
    shop
}

/// Makes sure that no file of the target's root and none of the workspace holds a value.
#[track_caller]
fn on_no_disk(shop: &Shop) {
    for (path, bytes) in shop.on_target().into_iter().chain(shop.files()) {
        let (text, name) = (String::from_utf8_lossy(&bytes), path.display().to_string());
        let ours = name.ends_with("/seen");
        assert!(ours || !(text.contains(FIRST) || text.contains(SECOND)), "{name} holds a value");
    }
}

#[test]
fn a_secret_is_below_run_and_nowhere_else_and_comes_back_as_it_was() {
    let (shop, machine) = (shop(), Machine::start());
    let _ = machine.windlass(&shop, &["deploy", "staging"]).success();
    assert_eq!(machine.live(&shop, "app.env"), format!("600\nPASSWORD={FIRST}\n"));
    assert_eq!(machine.live(&shop, "open.conf"), "644\nopen\n");
    on_no_disk(&shop);
    let again = machine.windlass(&shop, &["deploy", "staging"]).success().to_string();
    assert!(!again.contains("restored"), "{again}");
    shop.keep(&format!("PASSWORD: {SECOND}\n"));
    let _ = machine.windlass(&shop, &["deploy", "staging"]).success();
    assert_eq!(machine.live(&shop, "app.env"), format!("600\nPASSWORD={SECOND}\n"));
    let _ = machine.windlass(&shop, &["rollback", "staging"]).success();
    assert_eq!(machine.live(&shop, "app.env"), format!("600\nPASSWORD={FIRST}\n"));
    on_no_disk(&shop);
    assert_eq!(
        shop.project.read("seen"),
        format!("PASSWORD={FIRST}\nPASSWORD={SECOND}\nPASSWORD={FIRST}\n")
    );
}

#[test]
fn a_restart_is_told_and_a_deployment_or_a_rollback_heals_it() {
    let (shop, machine) = (shop(), Machine::start());
    let _ = machine.windlass(&shop, &["deploy", "staging"]).success();
    shop.keep(&format!("PASSWORD: {SECOND}\n"));
    let _ = machine.windlass(&shop, &["deploy", "staging"]).success();
    drop(machine);
    let machine = Machine::start();
    assert_eq!(machine.live(&shop, "app.env"), "");
    let status = machine.windlass(&shop, &["status", "staging"]).to_string();
    assert!(status.contains("app.env is missing") && status.contains("restart"), "{status}");
    let plan = machine.windlass(&shop, &["plan", "staging"]).to_string();
    assert!(plan.contains("restored") && plan.contains("restart"), "{plan}");
    let _ = machine.windlass(&shop, &["deploy", "staging"]).success();
    assert_eq!(machine.live(&shop, "app.env"), format!("600\nPASSWORD={SECOND}\n"));
    drop(machine);
    let machine = Machine::start();
    let _ = machine.windlass(&shop, &["rollback", "staging"]).success();
    assert_eq!(machine.live(&shop, "app.env"), format!("600\nPASSWORD={FIRST}\n"));
    on_no_disk(&shop);
}

#[test]
fn a_kill_leaves_nothing_on_a_disk() {
    let (shop, machine) = (shop(), Machine::start());
    let _ = machine.windlass(&shop, &["deploy", "staging"]).success();
    shop.keep(&format!("PASSWORD: {SECOND}\n"));
    let pipe = shop.project.at("state/wait");
    let made = Command::new("mkfifo").arg(&pipe).status().expect("run");
    assert!(made.success());
    let directory = shop.project.path();
    let words = ["deploy", "staging"];
    let mut child = machine
        .command(&shop.windlass(), directory.to_str().expect("UTF-8"), &words)
        .spawn()
        .expect("started");
    // Opening the pipe waits for the check, which comes after staging.
    let held = std::fs::File::options().write(true).open(&pipe).expect("opened");
    on_no_disk(&shop);
    child.kill().expect("killed");
    let _ = child.wait().expect("waited for");
    on_no_disk(&shop);
    drop(held);
    std::fs::remove_file(&pipe).expect("removed");
    assert_eq!(machine.live(&shop, "app.env"), format!("600\nPASSWORD={FIRST}\n"));
    let _ = machine.windlass(&shop, &["deploy", "staging"]).success();
    assert_eq!(machine.live(&shop, "app.env"), format!("600\nPASSWORD={SECOND}\n"));
    on_no_disk(&shop);
}
