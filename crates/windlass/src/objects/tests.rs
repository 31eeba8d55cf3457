use std::fs;

use tempfile::TempDir;

use super::*;

fn store() -> (TempDir, Objects) {
    let dir = tempfile::tempdir().expect("a directory");
    let objects = Objects::open(dir.path().join("objects")).expect("opens");
    (dir, objects)
}

fn put(objects: &Objects, bytes: &[u8]) -> Digest {
    let batch = objects.batch();
    let digest = batch.put(bytes).expect("put");
    drop(batch.commit().expect("committed"));
    digest
}

/// Returns bytes that do not compress.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56).to_le_bytes()[0]
    };
    std::iter::repeat_with(next).take(len).collect()
}

fn staged(objects: &Objects) -> usize {
    fs::read_dir(objects.inner.path.join("tmp")).expect("there").count() - 1
}

#[test]
fn gives_back_what_was_put_whatever_its_size() {
    let (_dir, objects) = store();
    for len in [0, 1, 4096, codec::SMALL - 1, codec::SMALL, codec::SMALL + 1, 3 * codec::SMALL] {
        for bytes in [noise(len), vec![b'x'; len]] {
            let digest = put(&objects, &bytes);
            assert_eq!(digest, Digest::of(&bytes));
            assert!(objects.contains(&digest).expect("answers"));
            assert!(objects.read(&digest, len as u64).expect("read") == bytes, "{len} bytes");
        }
    }
}

#[test]
fn streams_come_back_with_digest_and_size() {
    let (_dir, objects) = store();
    let batch = objects.batch();
    let sizes = [0, 10, codec::SMALL - 1, codec::SMALL, codec::SMALL + 1, 5 * codec::SMALL / 2];
    let contents = sizes.map(noise);
    for bytes in &contents {
        let put = batch.put_reader(bytes.as_slice()).expect("put");
        assert_eq!(put, (Digest::of(bytes), bytes.len() as u64));
    }
    drop(batch.commit().expect("committed"));
    for bytes in &contents {
        let read = objects.read(&Digest::of(bytes), u64::MAX).expect("read");
        assert!(read == *bytes, "{} bytes", bytes.len());
    }
}

#[test]
fn a_failing_reader_is_reported_as_it_failed_and_leaves_nothing() {
    struct Failing;
    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::from_raw_os_error(5))
        }
    }
    let (_dir, objects) = store();
    let batch = objects.batch();
    for len in [10, 2 * codec::SMALL] {
        let error = batch.put_reader(noise(len).as_slice().chain(Failing)).expect_err("fails");
        assert_eq!(error.raw_os_error(), Some(5));
    }
    drop(batch.commit().expect("committed"));
    assert_eq!(objects_in(&objects), 0);
}

fn objects_in(objects: &Objects) -> usize {
    fs::read_dir(&objects.inner.path).expect("there").count() - 1
}

#[test]
fn nothing_is_there_before_the_commit_and_nothing_is_left_without() {
    let (_dir, objects) = store();
    let batch = objects.batch();
    let digest = batch.put(b"new").expect("put");
    assert!(!objects.contains(&digest).expect("answers"));
    assert_eq!(staged(&objects), 1);
    drop(batch);
    assert!(!objects.contains(&digest).expect("answers"));
    assert_eq!(staged(&objects), 0);
}

#[test]
fn what_is_known_is_not_written_again() {
    let (_dir, objects) = store();
    let old = put(&objects, b"old");
    let batch = objects.batch();
    assert_eq!(batch.put(b"old").expect("put"), old);
    assert_eq!(batch.put_reader(&b"old"[..]).expect("put"), (old, 3));
    assert_eq!(staged(&objects), 0);

    batch.put(b"new").expect("put");
    batch.put(b"new").expect("put");
    let long = noise(2 * codec::SMALL);
    batch.put_reader(long.as_slice()).expect("put");
    batch.put_reader(long.as_slice()).expect("put");
    let tmp = fs::read_dir(objects.inner.path.join("tmp")).expect("there");
    let dir = tmp.map(|entry| entry.expect("entry").path()).find(|path| path.is_dir());
    let files = fs::read_dir(dir.expect("the batch's directory")).expect("there").count();
    assert_eq!(files, 2);
    drop(batch.commit().expect("committed"));
    assert_eq!(objects_in(&objects), 3);
    assert_eq!(staged(&objects), 0);
}

#[test]
fn a_file_is_put_once_whatever_its_size() {
    let (dir, objects) = store();
    let path = dir.path().join("file");
    for len in [0, 10, codec::SMALL, 2 * codec::SMALL + 1] {
        let bytes = noise(len);
        fs::write(&path, &bytes).expect("written");
        for known in [false, true] {
            let batch = objects.batch();
            let mut file = File::open(&path).expect("opens");
            let put = batch.put_file(&mut file).expect("put");
            assert_eq!(put, (Digest::of(&bytes), len as u64));
            assert_eq!(staged(&objects), usize::from(!known), "{len} bytes");
            drop(batch.commit().expect("committed"));
        }
        assert!(objects.read(&Digest::of(&bytes), u64::MAX).expect("read") == bytes);
    }
}

#[test]
fn threads_put_the_same_and_different_things_at_once() {
    let (_dir, objects) = store();
    let batch = objects.batch();
    std::thread::scope(|scope| {
        for thread in 0..4_u32 {
            let batch = &batch;
            scope.spawn(move || {
                for n in 0..100_u32 {
                    batch.put(format!("shared {n}").as_bytes()).expect("put");
                    batch.put(format!("own {thread} {n}").as_bytes()).expect("put");
                }
            });
        }
    });
    drop(batch.commit().expect("committed"));
    assert_eq!(objects_in(&objects), 500);
    let shared = Digest::of(b"shared 99");
    assert_eq!(objects.read(&shared, 100).expect("read"), b"shared 99");
}

#[test]
fn leftovers_of_a_crash_are_removed_by_the_next_and_batches_of_the_living_are_not() {
    let (_dir, objects) = store();
    let crashed = objects.inner.path.join("tmp/batch-crashed");
    fs::create_dir(&crashed).expect("made");
    fs::write(crashed.join("0"), "half").expect("written");
    let batch = objects.batch();
    let digest = batch.put(b"living").expect("put");
    Objects::open(&objects.inner.path).expect("opens");
    assert_eq!(staged(&objects), 2);
    drop(batch.commit().expect("committed"));
    Objects::open(&objects.inner.path).expect("opens");
    assert_eq!(staged(&objects), 0);
    assert!(objects.contains(&digest).expect("answers"));
}

#[test]
fn every_change_to_an_object_is_noticed_when_it_is_read() {
    let (_dir, objects) = store();
    let mut text = noise(200);
    text.extend([b'x'; 200]);
    let digest = put(&objects, &text);
    let path = objects.path_of(&digest);
    let stored = fs::read(&path).expect("there");
    let check = |bytes: &[u8], what: &str| {
        fs::write(&path, bytes).expect("written");
        match objects.read(&digest, 10_000) {
            // Some header bits of zstd mean nothing; what comes out is then right.
            Ok(read) => assert_eq!(read, text, "{what}"),
            Err(error) => {
                assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{what}: {error}");
                let start = format!("object {digest} is corrupt");
                assert!(error.to_string().starts_with(&start), "{what}: {error}");
            }
        }
    };
    for at in 0..stored.len() {
        let mut changed = stored.clone();
        changed[at] ^= 0x10;
        check(&changed, &format!("byte {at} changed"));
        fs::write(&path, &stored[..at]).expect("written");
        let torn = objects.read(&digest, 10_000).expect_err("torn");
        assert_eq!(torn.kind(), io::ErrorKind::InvalidData, "torn at {at}: {torn}");
    }
    let other = put(&objects, b"other");
    fs::copy(objects.path_of(&other), &path).expect("copied");
    let error = objects.read(&digest, 10_000).expect_err("another object");
    assert!(error.to_string().ends_with("its content has another digest"), "{error}");
}

#[test]
fn a_long_object_that_is_torn_or_another_is_noticed_at_the_end_at_the_latest() {
    let (_dir, objects) = store();
    let digest = put(&objects, &noise(3 * codec::SMALL));
    let path = objects.path_of(&digest);
    let stored = fs::read(&path).expect("there");
    fs::write(&path, &stored[..stored.len() - 5]).expect("written");
    let error = objects.read(&digest, u64::MAX).expect_err("torn");
    assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{error}");

    let other = put(&objects, &vec![7; 3 * codec::SMALL]);
    fs::copy(objects.path_of(&other), &path).expect("copied");
    let mut reader = objects.open_object(&digest).expect("opens");
    let error = io::copy(&mut reader, &mut io::sink()).expect_err("another object");
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    assert!(error.to_string().contains(&digest.to_string()), "{error}");
}

#[test]
fn a_missing_object_is_named() {
    let (_dir, objects) = store();
    let digest = Digest::of(b"never put");
    let error = objects.read(&digest, 10).expect_err("missing");
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
    assert!(error.to_string().contains(&digest.to_string()), "{error}");
}

#[test]
fn more_than_the_caller_expects_is_an_error_and_never_in_memory() {
    let (_dir, objects) = store();
    let digest = put(&objects, &vec![0; 8 * codec::SMALL]);
    let error = objects.read(&digest, 100).expect_err("too long");
    assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    assert_eq!(objects.read(&put(&objects, b"abc"), 3).expect("just fits"), b"abc");
    assert!(objects.read(&Digest::of(b"abc"), 2).is_err());
}

#[test]
fn values_are_objects_named_by_their_json() {
    let (_dir, objects) = store();
    let batch = objects.batch();
    let value = vec!["a".to_owned(), "b".to_owned()];
    let digest = batch.put_json(&value).expect("put");
    drop(batch.commit().expect("committed"));
    assert_eq!(digest, Digest::of_json(&value));
    assert_eq!(objects.read_json::<Vec<String>>(&digest).expect("read"), value);
    let error = objects.read_json::<u32>(&digest).expect_err("another type");
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
}

#[test]
fn collecting_keeps_what_is_referred_to_and_files_of_others() {
    let (_dir, objects) = store();
    let (kept, gone) = (put(&objects, b"kept"), put(&objects, b"gone"));
    fs::write(objects.inner.path.join("README"), "not ours").expect("written");
    let size = fs::metadata(objects.path_of(&gone)).expect("there").len();
    let collector = objects.collector().expect("answers").expect("nobody holds");
    assert_eq!(collector.stored().expect("listed")[&gone], size);
    collector.remove([&gone]).expect("collected");
    collector.remove([&gone]).expect("again");
    assert_eq!(collector.stored().expect("listed").into_keys().collect::<Vec<_>>(), [kept]);
    assert!(objects.contains(&kept).expect("answers"));
    assert!(!objects.contains(&gone).expect("answers"));
    assert!(objects.inner.path.join("README").exists());
}

#[test]
fn nothing_is_collected_between_putting_and_referring() {
    let (_dir, objects) = store();
    let other = Objects::open(&objects.inner.path).expect("opens");
    let batch = objects.batch();
    batch.put(b"new").expect("put");
    assert!(other.collector().expect("answers").is_none());
    let hold = batch.commit().expect("committed");
    assert!(other.collector().expect("answers").is_none());
    drop(hold);
    assert!(other.collector().expect("answers").is_some());
}

#[test]
fn the_batch_says_where_it_could_not_write() {
    let (_dir, objects) = store();
    fs::remove_dir_all(objects.inner.path.join("tmp")).expect("removed");
    let error = objects.batch().put(b"new").expect_err("nowhere to write");
    assert!(error.to_string().contains(&objects.inner.path.display().to_string()), "{error}");
    assert!(std::error::Error::source(&error).is_some());
}

#[test]
fn a_commit_that_fails_while_naming_leaves_a_trace_for_the_next_to_settle() {
    let (_dir, objects) = store();
    let batch = objects.batch();
    let digest = batch.put(b"new").expect("put");
    fs::create_dir(objects.path_of(&digest)).expect("in the way");
    let error = batch.commit().expect_err("cannot be named");
    assert!(error.to_string().starts_with("cannot create object /"), "{error}");
    assert!(error.to_string().ends_with(&digest.to_string()), "{error}");
    assert_eq!(staged(&objects), 1);
    Objects::open(&objects.inner.path).expect("opens");
    assert_eq!(staged(&objects), 0);
}

#[test]
fn a_damaged_object_is_set_aside_and_written_again() {
    let (_dir, objects) = store();
    for content in [b"short".to_vec(), noise(2 * codec::SMALL)] {
        let digest = put(&objects, &content);
        let path = objects.path_of(&digest);
        let mut damaged = fs::read(&path).expect("there");
        let middle = damaged.len() / 2;
        damaged[middle] ^= 0xff;
        fs::write(&path, &damaged).expect("written");
        objects.read(&digest, u64::MAX).expect_err("damaged");
        assert!(!objects.contains(&digest).expect("answers"));
        assert_eq!(fs::read(path.with_extension("damaged")).expect("kept"), damaged);
        assert_eq!(put(&objects, &content), digest);
        assert_eq!(objects.read(&digest, u64::MAX).expect("whole"), content);
    }
}

#[test]
fn an_object_that_was_replaced_meanwhile_is_not_set_aside() {
    let (_dir, objects) = store();
    let content = noise(2 * codec::SMALL);
    let digest = put(&objects, &content);
    let path = objects.path_of(&digest);
    let whole = fs::read(&path).expect("there");
    fs::write(&path, &whole[..whole.len() - 5]).expect("written");
    let mut torn = objects.open_object(&digest).expect("opens");
    fs::remove_file(&path).expect("removed");
    fs::write(&path, &whole).expect("written");
    io::copy(&mut torn, &mut io::sink()).expect_err("torn");
    assert_eq!(objects.read(&digest, u64::MAX).expect("whole"), content);
}

fn sealed(objects: &Objects, bytes: &[u8], key: &ObjectKey) -> Digest {
    let name = windlass_core::digest::DigestKey::from_bytes([7; 32]).digest(bytes);
    let batch = objects.batch();
    batch.put_sealed(name, bytes, key).expect("put");
    drop(batch.commit().expect("committed"));
    name
}

#[test]
fn a_sealed_object_opens_once_its_key_is_there() {
    let (_dir, objects) = store();
    let key = ObjectKey::derive(b"key");
    for bytes in [b"hunter2".to_vec(), Vec::new(), noise(3 * codec::SMALL)] {
        let name = sealed(&objects, &bytes, &key);
        assert_ne!(name, Digest::of(&bytes));
        assert!(objects.is_sealed(&name).expect("answers"));
        let again = Objects::open(objects.path()).expect("opens");
        let locked = again.read(&name, u64::MAX).expect_err("no key");
        assert!(is_locked(&locked), "{locked}");
        assert!(again.contains(&name).expect("answers"), "it is not damaged");
        again.unlock([key.clone()]);
        assert!(again.read(&name, u64::MAX).expect("read") == bytes);
    }
    assert!(!objects.is_sealed(&put(&objects, b"open")).expect("answers"));
}

#[test]
fn nothing_of_a_sealed_object_is_on_the_disk() {
    let (dir, objects) = store();
    let secret = b"hunter2-hunter2-hunter2";
    let name = sealed(&objects, secret, &ObjectKey::derive(b"key"));
    let plain = Digest::of(secret).to_string();
    for entry in fs::read_dir(dir.path().join("objects")).expect("lists") {
        let path = entry.expect("listed").path();
        assert!(!path.ends_with(&plain), "the name is an oracle");
        let bytes = if path.is_file() { fs::read(&path).expect("read") } else { Vec::new() };
        assert!(!bytes.windows(7).any(|part| part == b"hunter2"), "{}", path.display());
    }
    assert!(objects.contains(&name).expect("answers"));
}

#[test]
fn a_new_key_seals_what_is_put_again_and_the_old_objects_stay_readable() {
    let (_dir, objects) = store();
    let (old, new) = (ObjectKey::derive(b"old"), ObjectKey::derive(b"new"));
    let left = sealed(&objects, b"left behind", &old);
    let name = sealed(&objects, b"put again", &old);
    assert_eq!(sealed(&objects, b"put again", &new), name);
    let before = fs::read(objects.path_of(&name)).expect("read");
    assert_eq!(sealed(&objects, b"put again", &new), name);
    assert!(fs::read(objects.path_of(&name)).expect("read") == before, "written once");
    objects.unlock([new.clone()]);
    assert_eq!(objects.read(&name, 100).expect("read"), b"put again");
    assert!(is_locked(&objects.read(&left, 100).expect_err("the old key is not there")));
    objects.unlock([old]);
    assert_eq!(objects.read(&left, 100).expect("read"), b"left behind");
}

#[test]
fn a_sealed_object_that_was_changed_is_set_aside() {
    let (_dir, objects) = store();
    let key = ObjectKey::derive(b"key");
    objects.unlock([key.clone()]);
    let name = sealed(&objects, b"hunter2", &key);
    let mut bytes = fs::read(objects.path_of(&name)).expect("read");
    *bytes.last_mut().expect("not empty") ^= 1;
    fs::write(objects.path_of(&name), bytes).expect("written");
    let error = objects.read(&name, 100).expect_err("changed");
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    assert!(!objects.contains(&name).expect("answers"));
    assert_eq!(sealed(&objects, b"hunter2", &key), name);
    assert_eq!(objects.read(&name, 100).expect("read"), b"hunter2");
}
