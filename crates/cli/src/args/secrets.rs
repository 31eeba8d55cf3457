//! `windlass secrets` and what follows it.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum Secrets {
    /// Make a key, and what a project needs to have secrets in git
    #[command(after_help = "Example:\n  windlass secrets init")]
    Init(SecretsInit),
    /// Store a secret: its value is asked for, or read from standard input
    #[command(
        after_help = "Example:\n  windlass secrets set staging DB_PASSWORD < password.txt\n  windlass secrets set secrets/tls.key data --file tls.key"
    )]
    Set(SecretsSet),
    /// Print the value of a secret
    #[command(after_help = "Example:\n  windlass secrets get staging DB_PASSWORD")]
    Get(SecretsName),
    /// List secrets and their ages, never values
    #[command(
        after_help = "Example:\n  windlass secrets list\n  windlass secrets list staging --output json"
    )]
    List(SecretsList),
    /// Change a file in your editor; only what changed is encrypted anew
    #[command(after_help = "Example:\n  windlass secrets edit staging")]
    Edit(SecretsFile),
    /// Take a secret out of its file
    #[command(after_help = "Example:\n  windlass secrets delete staging DB_PASSWORD")]
    Delete(SecretsName),
    /// Give a secret another value, and note it in its history
    #[command(
        after_help = "Example:\n  windlass secrets rotate staging DB_PASSWORD --generate 32\n  windlass secrets rotate staging DB_PASSWORD < password.txt"
    )]
    Rotate(SecretsRotate),
    /// Encrypt whole files under new data keys
    #[command(
        after_help = "Example:\n  windlass secrets rotate-key\n  windlass secrets rotate-key staging"
    )]
    RotateKey(SecretsFiles),
    /// Show or change who can read files
    #[command(subcommand, after_help = "Example:\n  windlass secrets recipients list")]
    Recipients(SecretsRecipients),
    /// Check ages and recipients, and look for secrets in plain text
    #[command(after_help = "Example:\n  windlass secrets check")]
    Check,
    /// Encrypt a file by the rules of .sops.yaml
    #[command(
        after_help = "Example:\n  windlass secrets encrypt secrets/new.yaml > new.enc.yaml\n  windlass secrets encrypt --in-place secrets/new.yaml"
    )]
    Encrypt(SecretsEncrypt),
    /// Decrypt a file
    #[command(after_help = "Example:\n  windlass secrets decrypt secrets/staging.yaml > /dev/null")]
    Decrypt(SecretsDecrypt),
    /// Merge two edits of a file, for git
    #[command(
        after_help = "Example:\n  windlass secrets merge-driver base.yaml ours.yaml theirs.yaml x.yaml"
    )]
    MergeDriver(SecretsMerge),
}

#[derive(Debug, Args)]
pub(crate) struct SecretsInit {
    /// Where the key is, or is made [default: where SOPS looks for it]
    #[arg(long, value_name = "FILE")]
    pub(crate) key_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct SecretsFile {
    /// An environment, or a file
    #[arg(value_name = "ENV|FILE")]
    pub(crate) subject: String,
}

#[derive(Debug, Args)]
pub(crate) struct SecretsFiles {
    /// Environments, or files [default: those of all environments]
    #[arg(value_name = "ENV|FILE")]
    pub(crate) subjects: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct SecretsName {
    /// An environment, or a file
    #[arg(value_name = "ENV|FILE")]
    pub(crate) subject: String,
    /// The name of the secret, with dots: database.password; or its id
    pub(crate) name: String,
}

#[derive(Debug, Args)]
pub(crate) struct SecretsList {
    /// An environment, or a file [default: those of all environments]
    #[arg(value_name = "ENV|FILE")]
    pub(crate) subject: Option<String>,
}

/// Where a value comes from; never the command line, which others can see.
#[derive(Debug, Args)]
pub(crate) struct ValueFrom {
    /// Take the value from this file, to the byte; `-` is standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Take a value without any bytes for what it is
    #[arg(long)]
    pub(crate) allow_empty: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SecretsSet {
    /// An environment, or a file, which is made if it is not there
    #[arg(value_name = "ENV|FILE")]
    pub(crate) subject: String,
    /// The name of the secret, with dots: database.password
    pub(crate) name: String,
    /// What is no way to give a value, and is not repeated
    #[arg(hide = true)]
    pub(crate) typed: Vec<String>,
    #[command(flatten)]
    pub(crate) from: ValueFrom,
    /// How old it may get, such as 30d [default: max_age of the project]
    #[arg(long, value_name = "DURATION")]
    pub(crate) max_age: Option<String>,
    /// What it is for; everybody can read this
    #[arg(long, value_name = "TEXT")]
    pub(crate) note: Option<String>,
    /// Anything else, such as owner=alice; everybody can read this
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = label)]
    pub(crate) labels: Vec<(String, String)>,
}

fn label(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write KEY=VALUE")?;
    if key.is_empty() {
        Err("write KEY=VALUE".to_owned())
    } else {
        Ok((key.to_owned(), value.to_owned()))
    }
}

#[derive(Debug, Args)]
pub(crate) struct SecretsRotate {
    /// An environment, or a file
    #[arg(value_name = "ENV|FILE")]
    pub(crate) subject: String,
    /// The name of the secret, with dots: database.password
    pub(crate) name: String,
    /// What is no way to give a value, and is not repeated
    #[arg(hide = true)]
    pub(crate) typed: Vec<String>,
    #[command(flatten)]
    pub(crate) from: ValueFrom,
    /// Make a random value of so many letters and digits
    #[arg(long, value_name = "LENGTH", conflicts_with = "file",
          value_parser = clap::value_parser!(u16).range(8..=4096))]
    pub(crate) generate: Option<u16>,
    /// Keep the old value, encrypted, in the history
    #[arg(long)]
    pub(crate) keep: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SecretsRecipients {
    /// List who can read which file
    #[command(after_help = "Example:\n  windlass secrets recipients list")]
    List(SecretsFiles),
    /// Let somebody read files, and new ones too
    #[command(after_help = "Example:\n  windlass secrets recipients add \"$(cat colleague.txt)\"")]
    Add(SecretsRecipient),
    /// Encrypt files anew without somebody; what they have read, they know
    #[command(
        after_help = "Example:\n  windlass secrets recipients add \"$(cat colleague.txt)\"\n  windlass secrets recipients remove \"$(cat colleague.txt)\""
    )]
    Remove(SecretsRecipient),
}

#[derive(Debug, Args)]
pub(crate) struct SecretsRecipient {
    /// The public key: age1…, or ssh-ed25519 …
    #[arg(value_name = "KEY")]
    pub(crate) recipient: String,
    /// Environments, or files [default: those of all environments]
    #[arg(value_name = "ENV|FILE")]
    pub(crate) subjects: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct SecretsEncrypt {
    /// The file
    pub(crate) file: PathBuf,
    /// Replace the file, instead of printing
    #[arg(short, long)]
    pub(crate) in_place: bool,
    /// For whom, instead of whom the rules name; give it again for more
    #[arg(long = "age", value_name = "KEY")]
    pub(crate) recipients: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct SecretsDecrypt {
    /// The file
    pub(crate) file: PathBuf,
    /// Replace the file, instead of printing
    #[arg(short, long)]
    pub(crate) in_place: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SecretsMerge {
    /// What both started from (%O)
    pub(crate) base: PathBuf,
    /// Ours, which becomes the result (%A)
    pub(crate) ours: PathBuf,
    /// Theirs (%B)
    pub(crate) theirs: PathBuf,
    /// The name of the file in the repository (%P)
    pub(crate) name: PathBuf,
}
