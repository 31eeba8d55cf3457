//! Who may read the result of a merge, and under which data key it is.

use jiff::Timestamp;

use super::{Merge, Side};
use crate::encrypt::{Sealing, wrap_all};
use crate::encrypted_file::plain_document;
use crate::entropy::Entropy;
use crate::error::SopsError;
use crate::keys::data_key::DataKey;
use crate::keys::recipient::Recipient;
use crate::metadata::{AgeEntry, read, with_age};
use crate::reencrypt::Pool;
use crate::tree::Tree;

/// Returns `plain` as a SOPS file with `metadata`, under the newest data key of the sides.
pub(super) fn seal(
    merge: &Merge<'_>,
    metadata: &Tree,
    plain: &[u8],
    now: Timestamp,
    entropy: &mut dyn Entropy,
) -> Result<String, SopsError> {
    let choice = choose(merge, entropy)?;
    let age = entries(merge, &choice)?;
    let tree = with_age(metadata, &age);
    let rules = read(tree.clone())?;
    let document = plain_document(plain, merge.ours.file.format())?;
    let sealing = Sealing {
        document: &document,
        selection: &rules.selection,
        mac_only_encrypted: rules.mac_only_encrypted,
        key: &choice.key,
    };
    let mut pool = Pool::default();
    for side in [merge.theirs, merge.ours].into_iter().filter(|side| side.opened.key == choice.key)
    {
        pool.add(&side.file, &side.opened);
    }
    let body = sealing.encrypt(&mut pool, entropy)?;
    let block =
        choice.side.filter(|side| side.file.metadata.tree == tree).map(|side| &side.file.block);
    sealing.finish(body, block, &tree, now, entropy)
}

/// The data key of the result, and the side that has it.
struct Choice<'m> {
    key: DataKey,
    side: Option<&'m Side>,
}

/// Returns the data key that nobody who was removed knows: that of the side that renewed it, and a new one
/// if both did.
fn choose<'m>(merge: &Merge<'m>, entropy: &mut dyn Entropy) -> Result<Choice<'m>, SopsError> {
    let of = |side: &'m Side| Choice { key: side.opened.key.clone(), side: Some(side) };
    let (ours, theirs) = (&merge.ours.opened.key, &merge.theirs.opened.key);
    Ok(match merge.base.map(|base| &base.opened.key) {
        _ if ours == theirs => of(merge.ours),
        None => of(merge.ours),
        Some(base) if base == theirs => of(merge.ours),
        Some(base) if base == ours => of(merge.theirs),
        Some(_) => Choice { key: DataKey::generate(entropy)?, side: None },
    })
}

/// Returns the data key wrapped for the recipients of both sides, but those that one of them removed.
fn entries(merge: &Merge<'_>, choice: &Choice<'_>) -> Result<Vec<AgeEntry>, SopsError> {
    let has =
        |list: &[AgeEntry], entry: &AgeEntry| list.iter().any(|other| name(other) == name(entry));
    let base = merge.base.map_or(&[][..], age_of);
    let (ours, theirs) = (age_of(merge.ours), age_of(merge.theirs));
    let stays = |entry: &&AgeEntry| !has(base, entry) || (has(ours, entry) && has(theirs, entry));
    let only_theirs = theirs.iter().filter(|entry| !has(ours, entry));
    let wanted = ours.iter().chain(only_theirs).filter(stays);
    let wrapped = wanted.map(|entry| {
        let sides =
            [merge.ours, merge.theirs].into_iter().filter(|side| side.opened.key == choice.key);
        let known =
            sides.flat_map(|side| &side.file.metadata.age).find(|other| name(other) == name(entry));
        match known {
            Some(known) => Ok(vec![known.clone()]),
            None => wrap_all(&choice.key, &[entry.recipient.parse()?]),
        }
    });
    let age: Vec<Vec<AgeEntry>> = wrapped.collect::<Result<_, SopsError>>()?;
    if age.is_empty() { Err(SopsError::NoRecipients) } else { Ok(age.concat()) }
}

fn age_of(side: &Side) -> &[AgeEntry] {
    &side.file.metadata.age
}

/// Returns what tells a recipient from others.
fn name(entry: &AgeEntry) -> String {
    entry
        .recipient
        .parse::<Recipient>()
        .map_or_else(|_| entry.recipient.clone(), |recipient| recipient.identity())
}
