//! The example that is committed is the one that its own scripts make.

use windlass_testing::TestProject;

const ARTIFACT: &str = "dist/web-1.4.2.tar.gz";

/// Returns the archive's members with their modes, owners and times, and all their bytes. The
/// compressed bytes are not compared: they depend on the version of gzip.
fn unpacked(project: &TestProject) -> (String, String) {
    let tar = project.windlass("/bin/tar");
    let listing = tar.run(&["tvzf", ARTIFACT]).success().stdout;
    let contents = tar.run(&["xOzf", ARTIFACT]).success().stdout;
    (listing, contents)
}

#[test]
fn the_artifact_is_what_its_script_packs() {
    let shop = TestProject::copy_example("shop");
    let committed = unpacked(&shop);
    assert!(committed.1.contains("shop 1.4.2"), "{}", committed.1);
    shop.remove(ARTIFACT);
    let packed = shop.windlass("scripts/build-artifact").run(&["1.4.2"]).success();
    assert_eq!(packed.stdout.trim(), ARTIFACT);
    assert_eq!(committed, unpacked(&shop));
}
