//! Packs the agents that `scripts/build-release` built, for the feature `embedded-agent`.
#![allow(
    clippy::disallowed_macros,
    reason = "a build script talks to cargo on its standard output"
)]

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    #[cfg(feature = "embedded-agent")]
    embedding::embed();
}

#[cfg(feature = "embedded-agent")]
mod embedding {
    use std::fmt::Write as _;
    use std::path::{Path, PathBuf};
    use std::{env, fs};

    /// Names the directory with `windlass-agent-MACHINE`, one for each machine.
    const VARIABLE: &str = "WINDLASS_EMBED_AGENTS";

    /// The machines that agents are built for, as `uname -m` names them, with their number in ELF.
    const MACHINES: [(&str, u16); 2] = [("x86_64", 62), ("aarch64", 183)];

    /// Slow and small: it is done once.
    const LEVEL: i32 = 19;

    /// Writes `embedded_agents.rs`, with a compressed copy of each agent beside it.
    pub(super) fn embed() {
        println!("cargo::rerun-if-env-changed={VARIABLE}");
        let agents = env::var_os(VARIABLE).map(PathBuf::from);
        let agents =
            agents.unwrap_or_else(|| panic!("set {VARIABLE}, as scripts/build-release does"));
        let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
        println!("cargo::rerun-if-changed={}", agents.display());
        let mut code =
            String::from("/// All of them.\npub(super) const ALL: &[EmbeddedAgent] = &[\n");
        let mut found = false;
        for (machine, number) in MACHINES {
            let name = format!("windlass-agent-{machine}");
            let path = agents.join(&name);
            println!("cargo::rerun-if-changed={}", path.display());
            if path.is_file() {
                found = true;
                pack(&path, number, &out.join(&name), machine, &mut code);
            }
        }
        assert!(found, "no agent in {}: run scripts/build-release", agents.display());
        code.push_str("];\n");
        fs::write(out.join("embedded_agents.rs"), code).expect("OUT_DIR can be written");
    }

    fn pack(path: &Path, number: u16, packed: &Path, machine: &str, code: &mut String) {
        let program = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let is_program = program.starts_with(b"\x7fELF\x02\x01")
            && program.get(18..20) == Some(&number.to_le_bytes());
        assert!(is_program, "{} is no program for {machine}", path.display());
        let bytes = zstd::bulk::compress(&program, LEVEL).expect("memory is large enough");
        fs::write(packed, bytes).expect("OUT_DIR can be written");
        let length = program.len();
        writeln!(
            code,
            "EmbeddedAgent {{ machine: {machine:?}, length: {length}, packed: include_bytes!({packed:?}) }},"
        )
        .expect("a string takes all");
    }
}
