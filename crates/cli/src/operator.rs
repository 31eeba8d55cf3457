//! Who runs this.

use std::fs;

/// Returns who runs this, for the record: `user@host`. Behind `sudo` it is the person who typed it;
/// without a name in the environment or in `/etc/passwd` it is `uid N`.
pub(crate) fn operator() -> String {
    let host = rustix::system::uname();
    format!("{}@{}", user(), host.nodename().to_string_lossy())
}

fn user() -> String {
    let named = ["SUDO_USER", "USER", "LOGNAME"].into_iter().filter_map(|n| std::env::var(n).ok());
    if let Some(name) = named.into_iter().find(|name| !name.is_empty()) {
        return name;
    }
    let uid = rustix::process::getuid().as_raw();
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    name_of(uid, &users).map_or_else(|| format!("uid {uid}"), str::to_owned)
}

/// Returns the name of `uid` in the text of `/etc/passwd`.
fn name_of(uid: u32, users: &str) -> Option<&str> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next().filter(|name| !name.is_empty())?;
        let number: u32 = fields.nth(1)?.parse().ok()?;
        (number == uid).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_has_the_first_name_in_the_list() {
        let users = "root:x:0:0:root:/root:/bin/sh\n+::::::\nbroken\nops:x:1000:1000::/:\nops2:x:1000:1000::/:\n";
        assert_eq!(name_of(0, users), Some("root"));
        assert_eq!(name_of(1000, users), Some("ops"));
        assert_eq!(name_of(7, users), None);
    }

    #[test]
    fn there_is_always_a_name_and_a_host() {
        let (user, host) =
            operator().split_once('@').map(|(u, h)| (u.len(), h.len())).expect("an @");
        assert!(user > 0 && host > 0);
    }
}
