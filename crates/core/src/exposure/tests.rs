use super::*;

fn what(text: &str) -> Vec<&'static str> {
    exposures(text).iter().map(|found| found.what).collect()
}

#[test]
fn keys_and_tokens_are_known_by_their_form() {
    let letters = "aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1eF3hJ5";
    for (text, expected) in [
        ("-----BEGIN OPENSSH PRIVATE KEY-----".to_owned(), "a private key"),
        (r#"{"key": "-----BEGIN PRIVATE KEY-----\nMIIE"}"#.to_owned(), "a private key"),
        ("key: AGE-SECRET-KEY-1QQPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L".to_owned(), "an age key"),
        ("id = AKIAIOSFODNN7ABCDEFG".to_owned(), "an AWS access key"),
        (format!("ghp_{letters}"), "a GitHub token"),
        (format!("glpat-{letters}"), "a GitLab token"),
        (format!("xoxb-{letters}"), "a Slack token"),
        (format!("sk_live_{letters}"), "a Stripe key"),
        (format!("npm_{letters}"), "an npm token"),
        (format!("hvs.{letters}"), "a Vault token"),
        (format!("sk-ant-{letters}"), "an API key"),
        (format!("eyJ{letters}.eyJ{letters}.{letters}"), "a JSON Web Token"),
        ("url: postgres://shop:hunter2@db/shop".to_owned(), "a password in a URL"),
    ] {
        assert_eq!(what(&text), [expected], "{text}");
    }
}

#[test]
fn passwords_are_known_by_what_they_are_assigned_to() {
    for text in [
        "password: Tr0ub4dor&3x",
        "DB_PASSWORD=8f3kQ92mLx0p",
        "\"api_key\": \"a8F3k29sLq0Zx7\"",
        "smtp.token = 'x9!kd82Lq#01'",
        "secret_key_base64: c2VjcmV0IHZhbHVlIDE=",
        "let api_key = \"q7W3e9R1t5Y8\";",
    ] {
        assert_eq!(what(text), ["a password or a key"], "{text}");
    }
}

#[test]
fn references_words_digests_and_public_keys_are_none() {
    let digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    for text in [
        "password: ${DB_PASSWORD}".to_owned(),
        "password: {{ secrets.DB_PASSWORD }}".to_owned(),
        "password: ENC[AES256_GCM,data:Tr5jk9=,iv:x,tag:y,type:str]".to_owned(),
        "password_file: /run/credentials/shop/db1-password".to_owned(),
        "password: changeme123".to_owned(),
        "token: <your-token-1>".to_owned(),
        "max_tokens: 4096".to_owned(),
        "let token = parser.next_token();".to_owned(),
        "api_key = config.api_key_v2".to_owned(),
        "the password is said to be in the way".to_owned(),
        format!("sha256: {digest}"),
        format!("image: shop@sha256:{digest}"),
        format!("commit: {digest}"),
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJx1Zq3v9y0hGm8W5oCwG9Qd1h3tqvP0yQ6w8yF7uX2B a@b"
            .to_owned(),
        "age: age1lzd99uklcjnc0e7d860axevet2cz99ce9pq6tzuzd05l5nr28ams36nvun".to_owned(),
        "url: https://user:${PASSWORD}@host/".to_owned(),
        "let letters = \"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789\";"
            .to_owned(),
        "text.contains(\"-----BEGIN PRIVATE KEY-----\")".to_owned(),
        "see https://example.com:8080/a@b".to_owned(),
        "x: src/components/dashboard/widgets/forms/inputs/Text42Field".to_owned(),
    ] {
        assert_eq!(what(&text), Vec::<&str>::new(), "{text}");
    }
}

#[test]
fn random_texts_are_known_by_their_letters() {
    let random = "q7Wz3eR9tY1uI5oP8aS2dF6gH0jK4lX7cV3bN9mQ1w";
    assert_eq!(what(&format!("value: {random}")), ["a random text"]);
    assert_eq!(what(&format!("digest: {random}")), Vec::<&str>::new());
}

#[test]
fn armor_is_one_thing_and_what_is_public_none() {
    let body = "MIIEpAIBAAKCAQEAq7Wz3eR9tY1uI5oP8aS2dF6gH0jK4lX7cV3bN9mQ1wAbCdEf";
    let block =
        |kind: &str| format!("x\n-----BEGIN {kind}-----\n{body}\n{body}\n-----END {kind}-----\n");
    assert_eq!(what(&block("CERTIFICATE")), Vec::<&str>::new());
    assert_eq!(what(&block("RSA PRIVATE KEY")), ["a private key"]);
    assert_eq!(what(&block("AGE ENCRYPTED FILE")), Vec::<&str>::new());
    let after = format!("{}password: Tr0ub4dor&3x\n", block("CERTIFICATE"));
    assert_eq!(what(&after), ["a password or a key"]);
}

#[test]
fn a_line_that_is_allowed_and_the_one_after_it_are_left_alone() {
    let line = "password: Tr0ub4dor&3x";
    assert_eq!(what(&format!("{line} # {ALLOW}")), Vec::<&str>::new());
    assert_eq!(what(&format!("# {ALLOW}\n{line}\n")), Vec::<&str>::new());
    assert_eq!(exposures(&format!("# {ALLOW}\n{line}\n{line}\n"))[0].position.line, 3);
}

#[test]
fn places_are_those_of_the_value() {
    let found = exposures("é: 1\npässword_x: 1\ndb_password: Tr0ub4dor&3x\n");
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].position.line, found[0].position.column, found[0].width), (3, 14, 12));
}
