use std::cell::RefCell;
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{EntryType, Header};

use super::*;

/// An archive made by hand, block by block.
#[derive(Clone, Default)]
struct Tar(Vec<u8>);

impl Tar {
    fn header(kind: u8, name: &[u8], mode: u32, size: u64) -> Header {
        let mut header = Header::new_ustar();
        header.set_entry_type(EntryType::new(kind));
        header.as_old_mut().name[..name.len()].copy_from_slice(name);
        header.set_mode(mode);
        header.set_size(size);
        header.set_mtime(0);
        header.set_cksum();
        header
    }

    fn add(mut self, header: &Header, data: &[u8]) -> Self {
        self.0.extend(header.as_bytes());
        self.0.extend(data);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    fn member(self, kind: u8, name: &str, data: &[u8]) -> Self {
        let header = Self::header(kind, name.as_bytes(), 0o644, data.len() as u64);
        self.add(&header, data)
    }

    fn file(self, name: &str, data: &[u8]) -> Self {
        self.member(b'0', name, data)
    }

    fn with_mode(self, name: &str, mode: u32) -> Self {
        self.add(&Self::header(b'0', name.as_bytes(), mode, 0), b"")
    }

    fn pax(self, key: &str, value: &str) -> Self {
        self.member(b'x', "PaxHeaders/x", &pax_record(key, value))
    }

    fn end(mut self) -> Vec<u8> {
        self.0.extend([0; 1024]);
        self.0
    }
}

fn pax_record(key: &str, value: &str) -> Vec<u8> {
    let rest = format!(" {key}={value}\n");
    let length = (1..).find(|n: &usize| n.to_string().len() + rest.len() == *n);
    format!("{}{rest}", length.expect("some length fits")).into_bytes()
}

type Files = Vec<(String, u32, Vec<u8>)>;

fn unpack_with(
    bytes: &[u8],
    kind: ArchiveKind,
    limits: &Limits,
) -> Result<(Files, Summary), ArtifactError> {
    let mut files = Files::new();
    let summary = unpack(bytes, kind, limits, &mut |entry, data| {
        let mut content = Vec::new();
        data.read_to_end(&mut content)?;
        assert_eq!(content.len() as u64, entry.size);
        files.push((entry.path.to_string(), entry.mode.bits(), content));
        Ok(())
    })?;
    Ok((files, summary))
}

fn files(bytes: &[u8]) -> Files {
    unpack_with(bytes, ArchiveKind::Tar, &Limits::default()).expect("sound").0
}

#[track_caller]
fn refused(tar: Tar) -> String {
    refused_bytes(&tar.end())
}

#[track_caller]
fn refused_bytes(bytes: &[u8]) -> String {
    let error = unpack_with(bytes, ArchiveKind::Tar, &Limits::default()).expect_err("refused");
    let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
    format!("{error}{}", cause.unwrap_or_default())
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).expect("in memory");
    encoder.finish().expect("in memory")
}

fn zst(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).expect("in memory")
}

#[test]
fn the_name_tells_the_kind() {
    assert_eq!(kind_of("dist/web.tar"), Some(ArchiveKind::Tar));
    assert_eq!(kind_of("dist/web-1.2.tar.gz"), Some(ArchiveKind::TarGzip));
    assert_eq!(kind_of("web.TGZ"), Some(ArchiveKind::TarGzip));
    assert_eq!(kind_of("web.tar.zst"), Some(ArchiveKind::TarZstd));
    for single in ["web", "web.gz", "web.zst", "tar", "web.jar", "web.tar.xz", "tgz/web"] {
        assert_eq!(kind_of(single), None, "{single}");
    }
}

#[test]
fn files_come_with_mode_and_content_in_order_however_packed() {
    let mut tar = Tar::default().member(b'5', "./", b"").member(b'5', "./bin/", b"");
    tar = tar.file("./bin/run", b"#!/bin/sh\n").file("a", &[7; 1000]).with_mode("empty", 0o755);
    let bytes = tar.end();
    let expected = vec![
        ("bin/run".to_owned(), 0o644, b"#!/bin/sh\n".to_vec()),
        ("a".to_owned(), 0o644, vec![7; 1000]),
        ("empty".to_owned(), 0o755, Vec::new()),
    ];
    for (packed, kind) in [
        (bytes.clone(), ArchiveKind::Tar),
        (gzip(&bytes), ArchiveKind::TarGzip),
        (zst(&bytes), ArchiveKind::TarZstd),
    ] {
        let (files, summary) = unpack_with(&packed, kind, &Limits::default()).expect("sound");
        assert_eq!(files, expected, "{kind:?}");
        assert_eq!(summary, Summary { files: 3, bytes: 1010 });
    }
}

#[test]
fn archives_of_the_usual_writer_with_long_names_are_read() {
    let long = format!("{}/file", "directory".repeat(20));
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = Header::new_gnu();
    header.set_size(2);
    header.set_mode(0o640);
    builder.append_data(&mut header, &long, &b"ok"[..]).expect("in memory");
    let bytes = builder.into_inner().expect("in memory");
    assert_eq!(files(&bytes), [(long, 0o640, b"ok".to_vec())]);
}

#[test]
fn extended_headers_name_the_next_entry_only() {
    let long = "x/".repeat(100) + "y";
    let comment = pax_record("comment", "a commit");
    let tar = Tar::default().member(b'g', "pax_global_header", &comment);
    let tar = tar.pax("path", &long).file("short", b"1").file("plain", b"2");
    let names: Vec<_> = files(&tar.end()).into_iter().map(|(name, _, _)| name).collect();
    assert_eq!(names, [long, "plain".to_owned()]);
}

#[test]
fn a_file_that_nobody_may_read_can_be_read_by_its_owner() {
    let bytes = Tar::default().with_mode("a", 0).with_mode("b", 0o111).end();
    let modes: Vec<_> = files(&bytes).into_iter().map(|(_, mode, _)| mode).collect();
    assert_eq!(modes, [0o400, 0o511]);
}

#[test]
fn names_that_leave_are_refused_wherever_they_stand() {
    for name in ["../../etc/x", "/etc/passwd", "a/../../x", ".windlass/journal", "a\nb"] {
        assert!(refused(Tar::default().file(name, b"")).contains("path"), "{name:?}");
        assert!(refused(Tar::default().pax("path", name).file("a", b"")).contains("path"));
        let gnu = Tar::default().member(b'L', "././@LongLink", format!("{name}\0").as_bytes());
        assert!(refused(gnu.file("a", b"")).contains("path"), "{name:?}");
    }
    assert!(refused(Tar::default().pax("path", "a\0b").file("a", b"")).contains("control"));
    assert!(refused(Tar::default().pax("path", "").file("a", b"")).contains("empty"));
    assert!(refused(Tar::default().member(b'5', "../d/", b"")).contains("`..`"));
    let latin = Tar::header(b'0', b"caf\xe9", 0o644, 0);
    assert!(refused(Tar::default().add(&latin, b"")).contains("not UTF-8"));
}

#[test]
fn what_is_no_regular_file_is_refused_by_name() {
    let kinds = [
        (b'1', "a hard link"),
        (b'2', "a symbolic link"),
        (b'3', "a device"),
        (b'4', "a device"),
        (b'6', "a FIFO"),
        (b'7', "unknown type '7'"),
        (b'S', "a sparse file"),
        (b'V', "unknown type 'V'"),
        (b'\xff', "unknown type '\\xff'"),
    ];
    for (kind, what) in kinds {
        let message = refused(Tar::default().file("a", b"").member(kind, "thing", b""));
        assert!(message.contains(what) && message.contains("\"thing\""), "{message}");
    }
    let sparse = refused(Tar::default().pax("GNU.sparse.major", "1").file("a", b""));
    assert!(sparse.contains("sparse"), "{sparse}");
}

#[test]
fn rights_of_their_own_are_refused() {
    for (mode, what) in [(0o4755, "set-user-ID"), (0o2755, "set-group-ID"), (0o1644, "sticky")] {
        assert!(refused(Tar::default().with_mode("a", mode)).contains(what));
    }
    let capable = Tar::default().pax("SCHILY.xattr.security.capability", "x").file("ping", b"");
    assert!(refused(capable).contains("security.capability"));
    let directory = Tar::default().add(&Tar::header(b'5', b"d/", 0o2775, 0), b"");
    assert_eq!(files(&directory.end()), [], "directories are the target's own");
}

#[test]
fn headers_that_contradict_each_other_are_refused() {
    let hidden = Tar::default().file("evil", b"").0;
    let smuggled = Tar::default().pax("size", "0").file("a", &hidden);
    assert!(refused(smuggled).contains("size"));
    let other_way = Tar::default().pax("size", "512").file("a", b"").file("b", b"");
    assert!(refused(other_way).contains("size"));
    let same = Tar::default().pax("size", "3").file("a", b"abc").end();
    assert_eq!(files(&same).len(), 1);
    let names = Tar::default().pax("path", "one").member(b'L', "x", b"two\0").file("a", b"");
    assert!(refused(names).contains("two names"));
    let twice = Tar::default().pax("path", "one").pax("path", "two").file("a", b"");
    assert!(refused(twice).contains("two extended headers"));
    let long = Tar::default().member(b'L', "x", b"a\0").member(b'L', "x", b"b\0").file("c", b"");
    assert!(refused(long).contains("two long names"));
    assert!(refused(Tar::default().member(b'5', "d/", &hidden)).contains("with contents"));
    for (key, value) in [("path", "a"), ("size", "0"), ("GNU.sparse.major", "1")] {
        let global = Tar::default().member(b'g', "g", &pax_record(key, value)).file("a", b"");
        assert!(refused(global).contains("global header"), "{key}");
    }
}

#[test]
fn sizes_out_of_this_world_are_refused() {
    for (size, why) in [(u64::MAX, "size overflow"), (u64::MAX / 2, "more than the limit")] {
        let mut huge = Tar::header(b'0', b"huge", 0o644, 0);
        huge.set_size(size);
        huge.set_cksum();
        let message = refused(Tar::default().add(&huge, b""));
        assert!(message.contains(why), "{message}");
    }
    for size in [*b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", *b"-0000000001\0"] {
        let mut negative = Tar::header(b'0', b"negative", 0o644, 0);
        negative.as_old_mut().size = size;
        negative.set_cksum();
        refused(Tar::default().add(&negative, b""));
    }
    let mut name = Tar::header(b'L', b"x", 0o644, 0);
    name.set_size(2 * 1024 * 1024);
    name.set_cksum();
    assert!(refused(Tar::default().add(&name, b"")).contains("1 MiB"));
}

#[test]
fn one_place_has_one_owner() {
    let twice = Tar::default().file("a", b"1").file("./a", b"2");
    assert!(refused(twice).contains("entry a comes twice"));
    let inside = Tar::default().file("a/b", b"").file("a-", b"").file("a", b"").file("a.b", b"");
    assert!(refused(inside).contains("entry a comes twice"));
    let directory = Tar::default().member(b'5', "a/", b"").file("a", b"");
    assert!(refused(directory).contains("entry a comes twice"));
    let fine = Tar::default().member(b'5', "a/", b"").member(b'5', "a", b"").file("a/b", b"");
    assert_eq!(files(&fine.file("a-b", b"").file("ab", b"").end()).len(), 3);
}

#[test]
fn every_truncation_is_noticed() {
    let bytes = Tar::default().pax("mtime", "1").file("a", &[1; 600]).file("b", b"2").end();
    for length in 0..bytes.len() {
        let error = unpack_with(&bytes[..length], ArchiveKind::Tar, &Limits::default());
        assert!(matches!(error, Err(ArtifactError::Truncated)), "{length}: {error:?}");
    }
    for (packed, kind) in
        [(gzip(&bytes), ArchiveKind::TarGzip), (zst(&bytes), ArchiveKind::TarZstd)]
    {
        for length in 0..packed.len() {
            let error = unpack_with(&packed[..length], kind, &Limits::default());
            assert!(matches!(error, Err(ArtifactError::Truncated)), "{kind:?} {length}: {error:?}");
        }
    }
    let dangling = Tar::default().pax("path", "a");
    assert!(refused(dangling).contains("truncated"));
}

#[test]
fn what_follows_the_end_is_refused_unless_it_is_zeros() {
    let mut bytes = Tar::default().file("a", b"1").end();
    bytes.extend([0; 8192]);
    assert_eq!(files(&bytes).len(), 1);
    let packed = gzip(&bytes);
    bytes.extend(Tar::default().file("b", b"2").end());
    assert!(refused_bytes(&bytes).contains("after its end"));
    let with_garbage = |mut packed: Vec<u8>, kind| {
        packed.extend(b"garbage");
        unpack_with(&packed, kind, &Limits::default())
    };
    let error = with_garbage(packed, ArchiveKind::TarGzip);
    assert!(matches!(error, Err(ArtifactError::Compression(_) | ArtifactError::Truncated)));
    let error = with_garbage(zst(&Tar::default().end()), ArchiveKind::TarZstd);
    assert!(matches!(error, Err(ArtifactError::Compression(_) | ArtifactError::Truncated)));
}

#[test]
fn gzip_in_several_members_is_one_archive() {
    let bytes = Tar::default().file("a", &[3; 5000]).end();
    let (first, second) = bytes.split_at(700);
    let packed = [gzip(first), gzip(second)].concat();
    let (files, _) = unpack_with(&packed, ArchiveKind::TarGzip, &Limits::default()).expect("sound");
    assert_eq!(files[0].2, [3; 5000]);
}

#[test]
fn damage_is_noticed() {
    let mut bytes = Tar::default().file("a", b"1").end();
    bytes[0] ^= 1;
    assert!(refused_bytes(&bytes).contains("not a sound tar archive"));
    assert!(refused_bytes(&[b'x'; 4096]).contains("not a sound tar archive"));
    let mut packed = gzip(&Tar::default().file("a", b"1").end());
    let checksum = packed.len() - 8;
    packed[checksum] ^= 1;
    let error = unpack_with(&packed, ArchiveKind::TarGzip, &Limits::default());
    assert!(matches!(error, Err(ArtifactError::Compression(_))), "{error:?}");
    let plain = unpack_with(b"not gzip at all", ArchiveKind::TarGzip, &Limits::default());
    assert!(matches!(plain, Err(ArtifactError::Compression(_))), "{plain:?}");
}

#[test]
fn limits_hold() {
    let bytes = Tar::default().file("a", &[1; 2000]).member(b'5', "d/", b"").file("b", b"").end();
    let with = |limits| unpack_with(&bytes, ArchiveKind::Tar, &limits).map(drop);
    let all = Limits::default();
    assert!(with(Limits { files: 3, file_bytes: 2000, bytes: bytes.len() as u64, ..all }).is_ok());
    let error = with(Limits { files: 2, ..all }).expect_err("three entries");
    assert_eq!(error.to_string(), "the archive has more than 2 entries");
    let error = with(Limits { file_bytes: 1999, ..all }).expect_err("2000 bytes");
    assert_eq!(error.to_string(), "archive entry a has 2000 bytes, more than the limit of 1999");
    let error = with(Limits { bytes: bytes.len() as u64 - 1, ..all }).expect_err("one too many");
    assert!(matches!(error, ArtifactError::TooLarge { .. }), "{error:?}");
}

/// An archive whose one file is as many zeros as `size`, made while it is read.
fn zeros(size: u64) -> impl Read {
    let mut header = Tar::header(b'0', b"zeros", 0o644, 0);
    header.set_size(size);
    header.set_cksum();
    let header = io::Cursor::new(header.as_bytes().to_vec());
    header.chain(io::repeat(0).take(size.next_multiple_of(512) + 1024))
}

#[test]
fn a_bomb_is_stopped_long_before_it_is_whole() {
    let size = 128 * 1024 * 1024;
    let packed = zstd::encode_all(zeros(size), 1).expect("in memory");
    assert!(packed.len() < 64 * 1024);
    let mut taken = 0;
    let mut visit = |_: ArtifactEntry, data: &mut dyn Read| {
        taken = io::copy(data, &mut io::sink()).unwrap_or(taken);
        io::copy(data, &mut io::sink()).map(drop)
    };
    let error = unpack(&packed[..], ArchiveKind::TarZstd, &Limits::default(), &mut visit);
    assert!(matches!(error, Err(ArtifactError::Bomb { limit: 250 })), "{error:?}");
    let honest = Limits { ratio: 1_000_000, bytes: 100_000_000, ..Limits::default() };
    let error = unpack(&packed[..], ArchiveKind::TarZstd, &honest, &mut visit);
    assert!(matches!(error, Err(ArtifactError::TooLarge { .. })), "{error:?}");
    assert_eq!(taken, 0, "never read to its end");
}

#[test]
fn a_window_larger_than_memory_allows_is_refused() {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).expect("in memory");
    encoder.window_log(28).expect("a window");
    encoder.write_all(&Tar::default().end()).expect("in memory");
    let packed = encoder.finish().expect("in memory");
    let error = unpack_with(&packed, ArchiveKind::TarZstd, &Limits::default());
    assert!(matches!(error, Err(ArtifactError::Compression(_))), "{error:?}");
}

#[test]
fn a_visitor_may_skip_and_may_fail() {
    let bytes = Tar::default().file("a", &[1; 5000]).file("b", b"2").end();
    let names = RefCell::new(Vec::new());
    let mut skip = |entry: ArtifactEntry, _: &mut dyn Read| {
        names.borrow_mut().push(entry.path.to_string());
        Ok(())
    };
    let limits = Limits::default();
    unpack(&bytes[..], ArchiveKind::Tar, &limits, &mut skip).expect("sound");
    assert_eq!(*names.borrow(), ["a", "b"]);
    let mut fail = |_: ArtifactEntry, _: &mut dyn Read| Err(io::Error::other("no space"));
    let error = unpack(&bytes[..], ArchiveKind::Tar, &limits, &mut fail).expect_err("it failed");
    assert_eq!(error.to_string(), "cannot take archive entry a");
    assert_eq!(
        std::error::Error::source(&error).map(ToString::to_string).as_deref(),
        Some("no space")
    );
}

/// A reader that fails after its bytes.
struct Failing<'b>(&'b [u8]);

impl Read for Failing<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self.0.read(into)? {
            0 => Err(io::Error::other("input/output error")),
            count => Ok(count),
        }
    }
}

#[test]
fn an_error_of_the_disk_is_not_taken_for_damage() {
    let bytes = Tar::default().file("a", &[1; 5000]).end();
    for length in [0, 100, 512, 1000, 6000] {
        let mut visit =
            |_: ArtifactEntry, data: &mut dyn Read| io::copy(data, &mut io::sink()).map(drop);
        let reader = Failing(&bytes[..length]);
        let error = unpack(reader, ArchiveKind::Tar, &Limits::default(), &mut visit);
        assert!(matches!(error, Err(ArtifactError::Read(_))), "{length}: {error:?}");
    }
}
