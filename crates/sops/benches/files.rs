//! How long files take, against the bare cipher and the unwrapping of one key.

use aes_gcm::aead::consts::U32;
use aes_gcm::aead::{AeadInPlace, KeyInit};
use aes_gcm::aes::Aes256;
use aes_gcm::{AesGcm, Nonce, Tag};
use criterion::{Criterion, criterion_group, criterion_main};
use windlass_sops::{EncryptedFile, Format, Identities, KeyPair, Rules, SystemEntropy, encrypt};

fn files(criterion: &mut Criterion) {
    let pair = KeyPair::generate();
    let keys = Identities::parse(pair.secret(), "bench").expect("a key");
    let rules = Rules::for_recipients(vec![pair.recipient().clone()]);
    let now = jiff::Timestamp::UNIX_EPOCH;
    let mut group = criterion.benchmark_group("sops");
    for format in [Format::Yaml, Format::Json, Format::Dotenv, Format::Ini] {
        let text = encrypt(thousand(format).as_bytes(), format, &rules, now, &mut SystemEntropy)
            .expect("it is encrypted");
        group.bench_function(format!("decrypt 1,000 values, {}", format.name()), |bencher| {
            bencher.iter(|| {
                let file = EncryptedFile::parse(text.as_bytes(), format).expect("a SOPS file");
                file.decrypt(&keys).expect("it decrypts")
            });
        });
    }
    let plain = thousand(Format::Yaml);
    let text = encrypt(plain.as_bytes(), Format::Yaml, &rules, now, &mut SystemEntropy)
        .expect("it is encrypted");
    let file = EncryptedFile::parse(text.as_bytes(), Format::Yaml).expect("a SOPS file");
    let edited = plain.replace("number 617", "number seven");
    group.bench_function("unwrap the data key", |bencher| bencher.iter(|| file.data_key(&keys)));
    group.bench_function("encrypt 1,000 values", |bencher| {
        bencher.iter(|| encrypt(plain.as_bytes(), Format::Yaml, &rules, now, &mut SystemEntropy));
    });
    group.bench_function("edit one of 1,000 values", |bencher| {
        bencher.iter(|| file.reencrypt(edited.as_bytes(), &keys, now, &mut SystemEntropy));
    });
    group.bench_function("decrypt 100 files of 10 values", |bencher| {
        let plain: String =
            (0..10).map(|at| format!("key_{at}: the value number {at}\n")).collect();
        let text = encrypt(plain.as_bytes(), Format::Yaml, &rules, now, &mut SystemEntropy)
            .expect("it is encrypted");
        bencher.iter(|| {
            for _ in 0..100 {
                let file =
                    EncryptedFile::parse(text.as_bytes(), Format::Yaml).expect("a SOPS file");
                file.decrypt(&keys).expect("it decrypts");
            }
        });
    });
    group.finish();
}

fn thousand(format: Format) -> String {
    let line = |at: usize| match format {
        Format::Json => format!("\t\"key_{at}\": \"the value number {at}\",\n"),
        Format::Yaml => format!("key_{at}: the value number {at}\n"),
        _ => format!("key_{at}=the value number {at}\n"),
    };
    let lines: String = (0..1000).map(line).collect();
    match format {
        Format::Json => format!("{{\n{lines}\t\"end\": null\n}}\n"),
        Format::Ini => format!("[s]\n{lines}"),
        _ => lines,
    }
}

/// What every reader of the format has to do at least: decrypt 1,000 values, and nothing around it.
fn bare(criterion: &mut Criterion) {
    let cipher = AesGcm::<Aes256, U32>::new(&[7; 32].into());
    let mut values: Vec<(Vec<u8>, [u8; 32], Tag)> = Vec::new();
    for at in 0..1000_u32 {
        let mut bytes = format!("the value number {at}").into_bytes();
        let mut nonce = [1; 32];
        nonce[..4].copy_from_slice(&at.to_be_bytes());
        let tag = cipher
            .encrypt_in_place_detached(Nonce::from_slice(&nonce), b"key:", &mut bytes)
            .expect("it encrypts");
        values.push((bytes, nonce, tag));
    }
    criterion.bench_function("sops/bare cipher, 1,000 values", |bencher| {
        bencher.iter(|| {
            for (bytes, nonce, tag) in &values {
                let mut bytes = bytes.clone();
                cipher
                    .decrypt_in_place_detached(Nonce::from_slice(nonce), b"key:", &mut bytes, tag)
                    .expect("it decrypts");
                std::hint::black_box(bytes);
            }
        });
    });
}

criterion_group!(benches, files, bare);
criterion_main!(benches);
