//! `%h`, `~` and `${HOME}` in the values of the configuration.

use std::ffi::OsString;
use std::path::PathBuf;

use super::ConfigError;

/// What the `%` sequences of ssh_config(5) stand for on the way to one host.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tokens {
    /// `%h`: the name or address that is connected to.
    pub(crate) host: String,
    /// `%n`: the name as it was asked for.
    pub(crate) original: String,
    /// `%p`.
    pub(crate) port: u16,
    /// `%r`: the user on the host.
    pub(crate) user: String,
    /// `%u`: the user here.
    pub(crate) local_user: String,
    /// `%d` and `~`.
    pub(crate) home: PathBuf,
    /// `%i`: the number of the user here.
    pub(crate) local_uid: u32,
    /// `%l`: the name of this machine.
    pub(crate) local_host: String,
    /// `%k`: the name in known hosts files.
    pub(crate) known_as: String,
    /// `%j`: the hosts to jump through.
    pub(crate) jump: String,
}

impl Tokens {
    /// Returns the path that a value stands for: `~` and `${NAME}` are replaced in it too.
    pub(crate) fn path(
        &self,
        value: &str,
        variable: &dyn Fn(&str) -> Option<OsString>,
    ) -> Result<PathBuf, ConfigError> {
        let value = with_variables(value, variable)?;
        let expanded = self.expand(&value)?;
        Ok(match expanded.strip_prefix("~/") {
            Some(below) => self.home.join(below),
            None if expanded == "~" => self.home.clone(),
            None => PathBuf::from(expanded),
        })
    }

    /// Returns the value with its `%` sequences replaced.
    pub(crate) fn expand(&self, value: &str) -> Result<String, ConfigError> {
        let mut expanded = String::with_capacity(value.len());
        let mut characters = value.chars();
        while let Some(character) = characters.next() {
            if character != '%' {
                expanded.push(character);
                continue;
            }
            let token = characters.next();
            let meaning = token.and_then(|token| self.meaning(token));
            expanded.push_str(&meaning.ok_or_else(|| ConfigError::Token {
                token: token.map(String::from).unwrap_or_default(),
                value: value.to_owned(),
            })?);
        }
        Ok(expanded)
    }

    fn meaning(&self, token: char) -> Option<String> {
        let short = || self.local_host.split('.').next().unwrap_or_default().to_owned();
        Some(match token {
            '%' => "%".to_owned(),
            'C' => self.connection_hash(),
            'd' => self.home.to_string_lossy().into_owned(),
            'h' => self.host.clone(),
            'i' => self.local_uid.to_string(),
            'j' => self.jump.clone(),
            'k' => self.known_as.clone(),
            'L' => short(),
            'l' => self.local_host.clone(),
            'n' => self.original.clone(),
            'p' => self.port.to_string(),
            'r' => self.user.clone(),
            'u' => self.local_user.clone(),
            _ => return None,
        })
    }

    /// Returns `%C`: SHA-1 over `%l%h%p%r%j`, which names the connection.
    fn connection_hash(&self) -> String {
        let text =
            format!("{}{}{}{}{}", self.local_host, self.host, self.port, self.user, self.jump);
        let algorithm = &aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY;
        let digest = aws_lc_rs::digest::digest(algorithm, text.as_bytes());
        data_encoding::HEXLOWER.encode(digest.as_ref())
    }
}

fn with_variables(
    value: &str,
    variable: &dyn Fn(&str) -> Option<OsString>,
) -> Result<String, ConfigError> {
    let mut expanded = String::with_capacity(value.len());
    let mut rest = value;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((name, behind)) = after.split_once('}') else { break };
        let found = variable(name).ok_or_else(|| ConfigError::Variable {
            name: name.to_owned(),
            value: value.to_owned(),
        })?;
        expanded.push_str(before);
        expanded.push_str(&found.to_string_lossy());
        rest = behind;
    }
    expanded.push_str(rest);
    Ok(expanded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens() -> Tokens {
        Tokens {
            host: "10.0.0.1".into(),
            original: "web".into(),
            port: 2222,
            user: "deploy".into(),
            local_user: "me".into(),
            home: "/home/me".into(),
            local_uid: 1000,
            local_host: "desk.example.com".into(),
            known_as: "web".into(),
            jump: String::new(),
        }
    }

    #[test]
    fn sequences_stand_for_the_connection() {
        let expanded = tokens().expand("nc -X %h:%p %r %n %u %d %i %L %l %k %%").unwrap();
        assert_eq!(
            expanded,
            "nc -X 10.0.0.1:2222 deploy web me /home/me 1000 desk desk.example.com web %"
        );
    }

    #[test]
    fn a_sequence_that_means_nothing_is_an_error() {
        for value in ["%q", "%"] {
            assert!(matches!(tokens().expand(value), Err(ConfigError::Token { .. })));
        }
    }

    #[test]
    fn a_path_may_begin_at_home_and_name_variables() {
        let variable = |name: &str| (name == "KEYS").then(|| OsString::from("/keys"));
        let path = |value: &str| tokens().path(value, &variable);
        assert_eq!(path("~/.ssh/id_%r").unwrap(), PathBuf::from("/home/me/.ssh/id_deploy"));
        assert_eq!(path("${KEYS}/%n").unwrap(), PathBuf::from("/keys/web"));
        assert_eq!(path("/a/${").unwrap(), PathBuf::from("/a/${"));
        assert!(matches!(path("${NONE}/x"), Err(ConfigError::Variable { .. })));
    }

    #[test]
    fn the_hash_of_a_connection_is_that_of_ssh() {
        // printf %s desk.example.com10.0.0.12222deploy | sha1sum
        let hash = tokens().expand("%C").unwrap();
        assert_eq!(hash.len(), 40);
        assert!(hash.bytes().all(|byte| byte.is_ascii_hexdigit()));
    }
}
