//! What can be typed about the state in the workspace.

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// Mend what can be; what is damaged is set aside, not deleted
    #[arg(long)]
    pub(crate) fix: bool,
    /// Look at the workspace only, not at the targets
    #[arg(long)]
    pub(crate) offline: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Gc {
    /// Only show what would be removed
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Remove older releases until the rest takes at most so much, such as `2GiB`
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub(crate) max_size: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct Pin {
    /// The deployment
    pub(crate) deployment: String,
    /// What for
    #[arg(long, value_name = "TEXT", conflicts_with = "remove")]
    pub(crate) why: Option<String>,
    /// Let it go again
    #[arg(long)]
    pub(crate) remove: bool,
    /// Who does it, for the record [default: user@host]
    #[arg(long, value_name = "WHO")]
    pub(crate) by: Option<String>,
}

/// The units of sizes, in bytes.
const UNITS: [(&str, u64); 9] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("B", 1),
];

/// Returns the bytes of `2GiB`, `500MB` or `1024`.
fn size(text: &str) -> Result<u64, String> {
    let unit = UNITS.iter().find_map(|(unit, bytes)| Some((text.strip_suffix(unit)?, *bytes)));
    let (number, bytes) = unit.unwrap_or((text, 1));
    let number = number.trim().parse::<u64>().ok();
    let size = number.and_then(|number| number.checked_mul(bytes));
    size.ok_or_else(|| "write a number with a unit, such as `500MB` or `2GiB`".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units_of_two_kinds() {
        assert_eq!(size("1024"), Ok(1024));
        assert_eq!(size("7B"), Ok(7));
        assert_eq!(size("2GiB"), Ok(2 << 30));
        assert_eq!(size("500 MB"), Ok(500_000_000));
        for bad in ["", "GiB", "-1", "1.5GiB", "2 gibibytes", "99999999TiB", "1e9"] {
            assert!(size(bad).is_err(), "{bad}");
        }
    }
}
