//! The phrases of a rehearsal.

use std::iter::Peekable;
use std::str::SplitWhitespace;

use super::fault::{Fault, Happening, InvalidFault, Says, Trouble, When, Who};
use crate::diagnostic::nearest;
use crate::duration::parse_duration;
use crate::rollout::Command;
use crate::target::TargetId;

/// A phrase longer than this is none.
const LONGEST: usize = 200;
/// How long an operator that was killed is away unless told otherwise, in milliseconds.
const AWAY_MS: u64 = 60_000;

const BEGINNINGS: [&str; 9] =
    ["host", "hosts", "operator", "analysis", "pause", "resume", "promote", "abort", "approve"];
const TROUBLES: [&str; 7] =
    ["unhealthy", "unreachable", "flaps", "slow", "hangs", "fails", "joins"];
const FAILURES: [&str; 3] = ["stage", "activate", "roll"];

/// What is wrong, and what to write instead.
type Wrong = (String, String);

struct Words<'t>(Peekable<SplitWhitespace<'t>>);

/// Returns what `phrase` says.
pub(super) fn fault(phrase: &str) -> Result<Fault, InvalidFault> {
    let shown: String = phrase.chars().take(LONGEST).collect();
    let parsed = if shown.len() < phrase.len() {
        Err((format!("longer than {LONGEST} characters"), example()))
    } else {
        parse(&mut Words(phrase.split_whitespace().peekable()))
    };
    match parsed {
        Ok((happening, when)) => {
            let words: Vec<_> = phrase.split_whitespace().collect();
            Ok(Fault { phrase: words.join(" "), happening, when })
        }
        Err((problem, hint)) => Err(InvalidFault { phrase: shown, problem, hint }),
    }
}

fn parse(words: &mut Words<'_>) -> Result<(Happening, When), Wrong> {
    let mut happening = match words.next("what happens", &example())? {
        "host" | "hosts" => of_hosts(words)?,
        "operator" => {
            words.expect("killed")?;
            Happening::Killed { away_ms: AWAY_MS }
        }
        "analysis" => of_analysis(words)?,
        "pause" => Happening::Asked(Command::Pause),
        "resume" => Happening::Asked(Command::Resume),
        "promote" => Happening::Asked(Command::Promote),
        "abort" => Happening::Asked(Command::Abort),
        "approve" => Happening::Asked(Command::Approve),
        other => return Err(unknown(other, "begins no fault", &BEGINNINGS)),
    };
    let mut when = None;
    let mut lasts = None;
    while let Some(word) = words.0.next() {
        match word {
            "at" if when.is_none() => when = Some(words.when()?),
            "for" if lasts.is_none() => lasts = Some(words.duration("for")?),
            _ => return Err((format!("`{word}` is too much"), more(&happening))),
        }
    }
    lasts.map_or(Ok(()), |ms| last(&mut happening, ms))?;
    Ok((happening, when.unwrap_or(When::Start)))
}

fn last(happening: &mut Happening, ms: u64) -> Result<(), Wrong> {
    match happening {
        Happening::Trouble { lasts_ms, .. } => *lasts_ms = Some(ms),
        Happening::Killed { away_ms } => *away_ms = ms,
        _ => return Err(("`for` means nothing here".to_owned(), "remove it".to_owned())),
    }
    Ok(())
}

fn of_hosts(words: &mut Words<'_>) -> Result<Happening, Wrong> {
    let hint = "name a host by its place or its name, such as `host 7 unhealthy`";
    let who = who(words.next("which host", hint)?)?;
    let troubles = format!("write one of {}", TROUBLES.join(", "));
    let trouble = match words.next("what happens to the host", &troubles)? {
        "unhealthy" => Trouble::Unhealthy,
        "unreachable" => Trouble::Unreachable,
        "flaps" => Trouble::Flaps,
        "hangs" => Trouble::Hangs,
        "slow" => Trouble::Slow { ms: words.duration("slow")? },
        "fails" => failure(words)?,
        "joins" => return joins(who),
        other => return Err(unknown(other, "is nothing that happens to a host", &TROUBLES)),
    };
    Ok(Happening::Trouble { hosts: who, trouble, lasts_ms: None })
}

fn joins(who: Who) -> Result<Happening, Wrong> {
    match who {
        Who::Named(host) => Ok(Happening::Joins { host }),
        Who::Places(..) => Err((
            "a host that joins has no place yet".to_owned(),
            "give it a name, such as `host new joins at 50%`".to_owned(),
        )),
    }
}

fn failure(words: &mut Words<'_>) -> Result<Trouble, Wrong> {
    words.expect("to")?;
    let failures = "write `fails to stage`, `fails to activate` or `fails to roll back`";
    match words.next("what fails", failures)? {
        "stage" => Ok(Trouble::FailsToStage),
        "activate" => Ok(Trouble::FailsToActivate),
        "roll" => words.expect("back").map(|()| Trouble::FailsToRollBack),
        other => Err(unknown(other, "is nothing that fails", &FAILURES)),
    }
}

fn who(word: &str) -> Result<Who, Wrong> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let (first, last) = word.split_once('-').unwrap_or((word, word));
    if !digits(first) || !digits(last) {
        return Ok(Who::Named(TargetId::new(word)));
    }
    match (first.parse::<usize>(), last.parse::<usize>()) {
        (Ok(first), Ok(last)) if 1 <= first && first <= last => Ok(Who::Places(first, last)),
        _ => Err((
            format!("`{word}` is no place of a host"),
            "count from 1, such as `host 7` or `hosts 3-9`".to_owned(),
        )),
    }
}

fn of_analysis(words: &mut Words<'_>) -> Result<Happening, Wrong> {
    let verdicts = ["bad", "inconclusive", "silent"];
    let hint = format!("write one of {}", verdicts.join(", "));
    match words.next("what the analysis says", &hint)? {
        "bad" => Ok(Happening::Analysis(Says::Bad)),
        "inconclusive" => Ok(Happening::Analysis(Says::Inconclusive)),
        "silent" => Ok(Happening::Analysis(Says::Nothing)),
        other => Err(unknown(other, "is nothing that an analysis says", &verdicts)),
    }
}

impl<'t> Words<'t> {
    fn next(&mut self, what: &str, hint: &str) -> Result<&'t str, Wrong> {
        self.0.next().ok_or_else(|| (format!("{what} is missing"), hint.to_owned()))
    }

    fn expect(&mut self, word: &str) -> Result<(), Wrong> {
        match self.0.next() {
            Some(found) if found == word => Ok(()),
            Some(found) => {
                Err((format!("`{found}` is where `{word}` belongs"), format!("write `{word}`")))
            }
            None => Err((format!("`{word}` is missing"), format!("write `{word}`"))),
        }
    }

    fn duration(&mut self, behind: &str) -> Result<u64, Wrong> {
        let hint = format!("write how long, such as `{behind} 30s`");
        let text = self.next(&format!("a duration behind `{behind}`"), &hint)?;
        let duration = parse_duration(text).map_err(|error| (error.to_string(), error.hint()))?;
        Ok(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
    }

    fn when(&mut self) -> Result<When, Wrong> {
        let hint = "write a share such as `at 25%`, a stage such as `at stage 2`, or a time such as \
                    `at 90s`";
        let word = self.next("when, behind `at`,", hint)?;
        if word == "stage" {
            let number = self.next("the number of the stage", hint)?;
            let stage = number.parse().ok().filter(|stage: &usize| *stage > 0);
            let wrong = || (format!("`{number}` is no stage"), "count from 1".to_owned());
            return stage.map(When::Stage).ok_or_else(wrong);
        }
        if let Some(digits) = word.strip_suffix('%') {
            let share = digits.parse().ok().filter(|share| (1..=100).contains(share));
            let wrong = || (format!("`{word}` is no share"), "write `1%` to `100%`".to_owned());
            return share.map(When::Share).ok_or_else(wrong);
        }
        match parse_duration(word) {
            Ok(duration) => {
                Ok(When::After(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
            }
            Err(_) => Err((format!("`{word}` is no time of a rollout"), hint.to_owned())),
        }
    }
}

fn unknown(word: &str, why: &str, known: &[&str]) -> Wrong {
    let guess = nearest(word, known.iter().copied());
    let hint = match guess {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("known are {}", known.join(", ")),
    };
    (format!("`{word}` {why}"), hint)
}

fn more(happening: &Happening) -> String {
    match happening {
        Happening::Trouble { .. } | Happening::Killed { .. } => {
            "only `at` with when, and `for` with how long, can follow".to_owned()
        }
        _ => "only `at` with when can follow".to_owned(),
    }
}

fn example() -> String {
    "write what happens, such as `host 7 unhealthy at 25%` or `abort at stage 2`".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(phrase: &str) -> (Happening, When) {
        let fault: Fault = phrase.parse().unwrap_or_else(|error| panic!("{phrase}: {error}"));
        assert_eq!(fault.to_string(), phrase);
        (fault.happening, fault.when)
    }

    #[test]
    fn phrases_say_what_happens_and_when() {
        let host = |hosts, trouble, lasts_ms| Happening::Trouble { hosts, trouble, lasts_ms };
        let seventh = Who::Places(7, 7);
        assert_eq!(
            parsed("host 7 unhealthy at 25%"),
            (host(seventh.clone(), Trouble::Unhealthy, None), When::Share(25))
        );
        assert_eq!(
            parsed("hosts 3-9 unreachable at stage 2 for 5m"),
            (host(Who::Places(3, 9), Trouble::Unreachable, Some(300_000)), When::Stage(2))
        );
        assert_eq!(
            parsed("host web-1 slow 30s"),
            (
                host(Who::Named(TargetId::new("web-1")), Trouble::Slow { ms: 30_000 }, None),
                When::Start
            )
        );
        assert_eq!(
            parsed("host 7 fails to roll back"),
            (host(seventh, Trouble::FailsToRollBack, None), When::Start)
        );
        assert_eq!(
            parsed("operator killed at 90s for 2m"),
            (Happening::Killed { away_ms: 120_000 }, When::After(90_000))
        );
        assert_eq!(parsed("abort at 50%"), (Happening::Asked(Command::Abort), When::Share(50)));
        assert_eq!(parsed("analysis bad"), (Happening::Analysis(Says::Bad), When::Start));
        assert!(matches!(parsed("host new joins at 50%").0, Happening::Joins { .. }));
    }

    #[test]
    fn what_is_no_phrase_is_told_with_a_hint() {
        let told = |phrase: &str| {
            let error = phrase.parse::<Fault>().expect_err(phrase);
            format!("{error} ({})", error.hint)
        };
        assert_eq!(told("hots 7 flaps"), "`hots` begins no fault (did you mean `host`?)");
        assert!(told("").starts_with("what happens is missing (write what happens, such as"));
        assert!(told("host").starts_with("which host is missing"));
        assert!(told("host 7").starts_with("what happens to the host is missing"));
        assert_eq!(
            told("host 7 unhealty"),
            "`unhealty` is nothing that happens to a host (did you mean `unhealthy`?)"
        );
        assert!(told("host 0 flaps").starts_with("`0` is no place of a host (count from 1"));
        assert!(told("hosts 9-3 flaps").contains("is no place"));
        assert!(told("host 7 slow").starts_with("a duration behind `slow` is missing"));
        assert!(told("host 7 slow 30").contains("has no unit"));
        for bad in ["host 7 flaps at 0%", "host 7 flaps at 101%", "host 7 flaps at -1%"] {
            assert!(told(bad).contains("is no share (write `1%` to `100%`)"), "{bad}");
        }
        assert!(told("pause at 1e30").contains("is no time of a rollout"));
        assert!(told("pause at stage 0").contains("`0` is no stage"));
        assert!(told("pause for 5s").contains("`for` means nothing here"));
        assert!(told("abort now").contains("`now` is too much"));
        assert!(told("host 3 joins").contains("has no place yet"));
        assert!(told(&"x".repeat(1_000)).starts_with("longer than"));
    }
}
