//! Artifacts that were made to do harm.

use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{Builder, EntryType, Header};

use crate::site::{Site, deploy_capped};

const HARMLESS: &str = "artifact = \"a.tar.gz\"\n";

/// Returns a deployed site whose next deployment has an artifact.
fn site() -> Site {
    let site = Site::deployed();
    site.edit("windlass.toml", "[environments.dev]", &format!("{HARMLESS}\n[environments.dev]"));
    site
}

fn header(name: &str, kind: EntryType, mode: u32, size: u64) -> Header {
    let mut header = Header::new_ustar();
    let field = &mut header.as_old_mut().name;
    field[..name.len()].copy_from_slice(name.as_bytes());
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header.set_cksum();
    header
}

/// Returns an archive with a harmless file and then `entries`.
fn archive(entries: &[(&str, EntryType, u32, &[u8])]) -> Vec<u8> {
    let mut builder = Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    let harmless = [("ok", EntryType::Regular, 0o644, b"fine".as_slice())];
    for (name, kind, mode, content) in harmless.iter().chain(entries) {
        let mut header = header(name, *kind, *mode, content.len() as u64);
        if kind.is_symlink() || kind.is_hard_link() {
            header.set_link_name("/etc/shadow").expect("it is short");
        }
        header.set_cksum();
        builder.append(&header, *content).expect("memory does not fail");
    }
    let encoder = builder.into_inner().expect("memory does not fail");
    encoder.finish().expect("memory does not fail")
}

#[test]
fn fault_07_entry_with_a_name_that_leaves_the_release() {
    let site = site();
    for name in ["../escaped", "x/../../escaped", "/etc/escaped", ".windlass/../../x"] {
        site.write("a.tar.gz", archive(&[(name, EntryType::Regular, 0o644, b"x")]));
        site.refused(&["a.tar.gz", "name that is refused", name, "windlass.toml:14:12"]);
    }
    assert!(!site.at("state/etc/escaped").exists() && !site.at("escaped").exists());
}

#[test]
fn fault_07_links_and_devices() {
    let site = site();
    for (kind, says) in [
        (EntryType::Link, "is a hard link"),
        (EntryType::Symlink, "is a symbolic link"),
        (EntryType::Char, "is a device"),
        (EntryType::Block, "is a device"),
        (EntryType::Fifo, "archive entry \"bad\""),
    ] {
        site.write("a.tar.gz", archive(&[("bad", kind, 0o644, b"")]));
        site.refused(&["archive entry \"bad\"", says]);
    }
}

#[test]
fn fault_07_rights_of_its_own() {
    let site = site();
    for (mode, says) in [(0o4755, "set-user-ID"), (0o2755, "set-group-ID")] {
        site.write("a.tar.gz", archive(&[("bin/su", EntryType::Regular, mode, b"x")]));
        site.refused(&["archive entry \"bin/su\"", says]);
    }
}

#[test]
fn fault_07_the_same_name_twice_or_as_file_and_directory() {
    let site = site();
    for other in ["ok", "ok/below"] {
        site.write("a.tar.gz", archive(&[(other, EntryType::Regular, 0o644, b"x")]));
        site.refused(&["comes twice, or as a file and as a directory"]);
    }
}

#[test]
fn fault_07_size_in_a_pax_header_that_the_header_denies() {
    let site = site();
    let pax = b"17 size=99999999\n";
    site.write(
        "a.tar.gz",
        archive(&[
            ("pax", EntryType::XHeader, 0o644, pax),
            ("bad", EntryType::Regular, 0o644, b"x"),
        ]),
    );
    site.refused(&["a.tar.gz"]);
}

#[test]
fn fault_07_bomb_is_stopped_and_cleaned_up() {
    let site = site();
    let gzip = |bytes: &[u8]| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        std::io::Write::write_all(&mut encoder, bytes).expect("memory does not fail");
        encoder.finish().expect("memory does not fail")
    };
    let mebibytes = 1024;
    let mut bomb = gzip(header("big", EntryType::Regular, 0o644, mebibytes << 20).as_bytes());
    let piece = gzip(&vec![0; 1 << 20]);
    for _ in 0..mebibytes {
        bomb.extend_from_slice(&piece);
    }
    site.write("a.tar.gz", bomb);
    site.unchanged_by(|| deploy_capped(&site), &["a.tar.gz", "times as large when decompressed"]);
}

#[test]
fn fault_07_truncated_or_no_archive_at_all() {
    let site = site();
    let whole = archive(&[("x", EntryType::Regular, 0o644, &[7; 5000])]);
    for bytes in [&whole[..whole.len() - 20], &whole[..30], b"hello", b""] {
        site.write("a.tar.gz", bytes);
        site.refused(&["a.tar.gz", "windlass.toml:14:12"]);
    }
    let mut flipped = whole;
    let middle = flipped.len() / 2;
    flipped[middle] ^= 0xff;
    site.write("a.tar.gz", flipped);
    site.refused(&["a.tar.gz"]);
}

#[test]
fn fault_07_file_of_mode_0_is_deployed_and_removed_again() {
    let site = site();
    let before = site.tree();
    site.write("a.tar.gz", archive(&[("none", EntryType::Regular, 0, b"x")]));
    let output = site.deploy();
    if output.code == 0 {
        let _ = site.run(&["rollback", "dev"]).success();
    }
    windlass_testing::assert_same_tree(&before, &site.tree());
}
