//! Who may read a file, changed.

use windlass_sops::Recipient;

/// A change of the recipients of files.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RecipientChange {
    /// Who may read from now on.
    pub added: Vec<Recipient>,
    /// Who may not any more.
    pub removed: Vec<Recipient>,
}

impl RecipientChange {
    /// Returns who may read when the change is made to `before`, in the order of that.
    #[must_use]
    pub fn apply(&self, before: &[Recipient]) -> Vec<Recipient> {
        let mut after: Vec<Recipient> =
            before.iter().filter(|one| !self.removed.contains(one)).cloned().collect();
        for new in &self.added {
            if !after.contains(new) {
                after.push(new.clone());
            }
        }
        after
    }
}

#[cfg(test)]
mod tests {
    use windlass_sops::KeyPair;

    use super::*;

    #[test]
    fn who_is_there_already_is_not_added_and_order_stays() {
        let [a, b, c] = [(); 3].map(|()| KeyPair::generate().recipient().clone());
        let change =
            RecipientChange { added: vec![c.clone(), a.clone()], removed: vec![b.clone()] };
        assert_eq!(change.apply(&[a.clone(), b]), [a, c]);
    }
}
