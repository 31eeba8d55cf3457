//! Where a redirect leads.

/// Returns the URL that `location`, the answer to a request for `base`, means.
pub(super) fn resolve(base: &str, location: &str) -> String {
    let location = location.split('#').next().unwrap_or_default();
    let (scheme, rest) = base.split_once("://").unwrap_or(("https", base));
    let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
    let path = rest[authority.len()..].split(['?', '#']).next().unwrap_or_default();
    let is_absolute = location.split_once(':').is_some_and(|(scheme, _)| {
        !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric())
    });
    if is_absolute {
        location.to_owned()
    } else if let Some(other) = location.strip_prefix("//") {
        format!("{scheme}://{other}")
    } else if location.starts_with('/') {
        format!("{scheme}://{authority}{location}")
    } else if location.starts_with('?') || location.is_empty() {
        format!("{scheme}://{authority}{path}{location}")
    } else {
        let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
        format!("{scheme}://{authority}{directory}/{location}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_are_relative_to_the_request() {
        let base = "https://x:8443/a/b.yaml?t=1";
        for (location, expected) in [
            ("http://y/z", "http://y/z"),
            ("ftp:z", "ftp:z"),
            ("//y/z?q", "https://y/z?q"),
            ("/z", "https://x:8443/z"),
            ("z.yaml#f", "https://x:8443/a/z.yaml"),
            ("../z", "https://x:8443/a/../z"),
            ("?t=2", "https://x:8443/a/b.yaml?t=2"),
            ("", "https://x:8443/a/b.yaml"),
        ] {
            assert_eq!(resolve(base, location), expected, "{location}");
        }
        assert_eq!(resolve("https://x", "z"), "https://x/z");
    }
}
