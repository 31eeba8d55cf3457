//! The workspace as a directory.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::{Finding, Severity};
use crate::engine::Engine;
use crate::error::Error;

/// File systems on which locks or renames may not mean what they mean on a disk, by the magic numbers
/// of `statfs(2)`.
const REMOTE: [(u64, &str); 8] = [
    (0x6969, "NFS"),
    (0x517B, "SMB"),
    (0xFF53_4D42, "CIFS"),
    (0xFE53_4D42, "SMB2"),
    (0x6573_5546, "FUSE"),
    (0x0102_1997, "9P"),
    (0x00C3_6400, "Ceph"),
    (0x4750_4653, "GPFS"),
];

impl Engine {
    /// Returns what is wrong with the directory itself.
    pub(super) fn examine_workspace(&self) -> Result<Vec<Finding>, Error> {
        let path = self.workspace();
        let found = std::fs::metadata(path).map_err(Error::io("look at", path))?;
        let me = rustix::process::geteuid().as_raw();
        let magic = rustix::fs::statfs(path).map_err(|e| Error::io("look at", path)(e.into()))?;
        let findings = [
            of_another(path, found.uid(), me),
            open_to_others(path, found.mode()),
            remote(path, u64::try_from(magic.f_type).unwrap_or_default()),
        ];
        Ok(findings.into_iter().flatten().collect())
    }
}

fn of_another(path: &Path, owner: u32, me: u32) -> Option<Finding> {
    let problem = || format!("it belongs to user {owner}, and this is user {me}");
    let finding = || Finding::new(Severity::Warning, path.display().to_string(), problem());
    let repair = "run windlass as that user, or give the directory to this one";
    (owner != me).then(|| finding().repair(repair))
}

fn open_to_others(path: &Path, mode: u32) -> Option<Finding> {
    let problem = "others can write in it: they can replace records and objects";
    let finding = || Finding::new(Severity::Error, path.display().to_string(), problem);
    (mode & 0o022 != 0).then(|| finding().repair(format!("chmod go-w {}", path.display())))
}

fn remote(path: &Path, magic: u64) -> Option<Finding> {
    let (_, name) = REMOTE.into_iter().find(|(known, _)| *known == magic & 0xFFFF_FFFF)?;
    let problem = format!(
        "it lies on a network file system ({name}): whether locks hold between machines, and what \
         is there after a power cut, depends on its server"
    );
    let finding = Finding::new(Severity::Warning, path.display().to_string(), problem);
    Some(finding.repair("keep the workspace on a local disk"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whose_it_is_and_who_can_write_in_it_is_told() {
        let path = Path::new("/w");
        assert!(of_another(path, 1000, 1000).is_none());
        assert!(of_another(path, 0, 1000).expect("another's").problem.contains("user 0"));
        assert!(open_to_others(path, 0o40755).is_none());
        assert!(open_to_others(path, 0o40775).is_some());
        assert!(open_to_others(path, 0o40702).is_some());
    }

    #[test]
    fn network_file_systems_are_known_also_where_the_number_has_its_sign_extended() {
        assert!(remote(Path::new("/w"), 0xEF53).is_none());
        assert!(remote(Path::new("/w"), 0x6969).expect("NFS").problem.contains("NFS"));
        let cifs = remote(Path::new("/w"), 0xFFFF_FFFF_FF53_4D42).expect("CIFS");
        assert!(cifs.is_open() && cifs.problem.contains("CIFS"));
    }
}
