//! The first field of a line: which host names it is about.

use aws_lc_rs::hmac;
use data_encoding::BASE64;

/// What a hashed field begins with; the number is that of HMAC-SHA1, the only one there is.
const HASH_MAGIC: &str = "|1|";

/// Bytes of a salt: those of a SHA-1 digest, as `ssh` wants it.
const SALT_LENGTH: usize = 20;

/// The longest pattern of a list; `ssh` lets a list with a longer one match nothing.
const LONGEST_PATTERN: usize = 1023;

/// Returns whether the hosts of a line are meant for `name`, by the rules of sshd(8): a hashed
/// name, or patterns between commas, of which one must match and none that begins with `!`.
pub(crate) fn matches(hosts: &str, name: &str) -> bool {
    match hosts.starts_with('|') {
        true => matches_hashed(hosts, name),
        false => matches_list(hosts, &name.to_ascii_lowercase()),
    }
}

/// Returns the hashed field for `name`, under `salt`.
pub(crate) fn hashed(name: &str, salt: &[u8; SALT_LENGTH]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, salt);
    let digest = hmac::sign(&key, name.as_bytes());
    format!("{HASH_MAGIC}{}|{}", BASE64.encode(salt), BASE64.encode(digest.as_ref()))
}

fn matches_hashed(hosts: &str, name: &str) -> bool {
    salt_of(hosts).is_some_and(|salt| hashed(name, &salt) == hosts)
}

fn salt_of(hosts: &str) -> Option<[u8; SALT_LENGTH]> {
    let (salt, _) = hosts.strip_prefix(HASH_MAGIC)?.split_once('|')?;
    BASE64.decode(salt.as_bytes()).ok()?.try_into().ok()
}

fn matches_list(list: &str, name: &str) -> bool {
    let mut matched = false;
    for entry in list.split(',') {
        let (negated, pattern) =
            entry.strip_prefix('!').map_or((false, entry), |pattern| (true, pattern));
        if pattern.len() >= LONGEST_PATTERN {
            return false;
        }
        if wildcard(pattern.to_ascii_lowercase().as_bytes(), name.as_bytes()) {
            if negated {
                return false;
            }
            matched = true;
        }
    }
    matched
}

/// Returns whether `text` matches `pattern`, in which `*` stands for any text and `?` for one byte.
///
/// Only the last `*` is ever tried again, so the time is bounded by the product of both lengths.
pub(crate) fn wildcard(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut next) = (0, 0);
    let mut retry = None;
    while next < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                at += 1;
                retry = Some((at, next));
            }
            Some(&byte) if byte == b'?' || byte == text[next] => {
                at += 1;
                next += 1;
            }
            _ => match retry {
                Some((after, from)) => {
                    (at, next) = (after, from + 1);
                    retry = Some((after, from + 1));
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_name_is_itself_in_any_case() {
        assert!(matches("web", "web"));
        assert!(matches("WEB,db", "web"));
        assert!(matches("web", "WEB"));
        assert!(!matches("web", "web2"));
        assert!(!matches("web2", "web"));
        assert!(!matches("", "web"));
    }

    #[test]
    fn a_port_is_part_of_the_name() {
        assert!(matches("[web]:2222", "[web]:2222"));
        assert!(!matches("web", "[web]:2222"));
        assert!(matches("[*]:2222", "[web]:2222"));
    }

    #[test]
    fn wildcards_match_and_negations_take_back() {
        assert!(matches("*.example.com", "a.example.com"));
        assert!(matches("web?", "web1"));
        assert!(!matches("web?", "web"));
        assert!(!matches("!web1,web*", "web1"));
        assert!(!matches("web*,!web1", "web1"));
        assert!(matches("web*,!web1", "web2"));
        assert!(!matches("!web1", "web2"), "a negation alone matches nothing");
    }

    #[test]
    fn a_wildcard_takes_as_much_as_it_must() {
        let cases: [(&str, &str, bool); 9] = [
            ("*", "", true),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbYbZ", false),
            ("**a", "bba", true),
            ("*a?", "aab", true),
            ("?", "", false),
            ("", "", true),
            ("", "a", false),
            ("*ab", "aab", true),
        ];
        for (pattern, text, expected) in cases {
            assert_eq!(wildcard(pattern.as_bytes(), text.as_bytes()), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn a_pathological_pattern_ends() {
        let pattern = "*a".repeat(200);
        assert!(!wildcard(format!("{pattern}b").as_bytes(), "a".repeat(5_000).as_bytes()));
    }

    #[test]
    fn a_hashed_name_is_found_under_its_salt_and_no_other_name_is() {
        let field = hashed("web", &[7; SALT_LENGTH]);
        assert!(matches(&field, "web"));
        assert!(!matches(&field, "db"));
        assert!(!matches(&field.replace("|1|", "|2|"), "web"));
        assert!(!matches("|1|AAAA|AAAA", "web"), "a salt of another length");
        assert!(!matches("|", "web"));
    }
}
