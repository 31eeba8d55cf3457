//! `.sops.yaml`: which rules a new file gets, by its path.

use std::ops::Range;

use crate::document::{Collection, Document, Item, Node};
use crate::error::SopsError;
use crate::format::Format;
use crate::keys::recipient::Recipient;
use crate::place::Lines;
use crate::rules::{FIELDS, Pattern, Rules, Selection};
use crate::value::{Kind, Value};

/// What a `.sops.yaml` says about new files; of its rules, the first that fits decides.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CreationRules {
    rules: Vec<CreationRule>,
}

/// One of the `creation_rules`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreationRule {
    /// Which paths it is for, relative to the directory of `.sops.yaml`; all if there is none.
    pub path_regex: Option<Pattern>,
    /// What it says about the files.
    pub rules: Rules,
}

impl CreationRules {
    /// Returns what `text`, a `.sops.yaml`, says.
    ///
    /// # Errors
    ///
    /// With [`SopsError::CreationRule`] for providers other than age and whatever else cannot be followed,
    /// and with [`SopsError::Content`] if it is not YAML.
    pub fn parse(text: &str) -> Result<Self, SopsError> {
        let document = Document::parse(text.as_bytes(), Format::Yaml)?;
        let reader = Reader { document: &document, lines: Lines::new(&document.text) };
        let root = document.roots.first();
        let rules =
            root.and_then(|root| root.map.items.iter().find(|item| item.key == "creation_rules"));
        Ok(Self { rules: rules.map_or_else(|| Ok(Vec::new()), |item| reader.rules(item))? })
    }

    /// Returns the rules in the order of the file.
    pub fn rules(&self) -> &[CreationRule] {
        &self.rules
    }

    /// Returns the rules for a new file at `path`, relative to the directory of `.sops.yaml`; nothing if
    /// none is for it.
    pub fn for_path(&self, path: &str) -> Option<&Rules> {
        let fits = |rule: &&CreationRule| {
            rule.path_regex.as_ref().is_none_or(|regex| regex.is_match(path))
        };
        self.rules.iter().find(fits).map(|rule| &rule.rules)
    }
}

/// The providers of keys that are not age's.
const FOREIGN: [&str; 8] = [
    "kms",
    "pgp",
    "gcp_kms",
    "hckms",
    "azure_keyvault",
    "hc_vault_transit_uri",
    "hc_vault",
    "aws_profile",
];

struct Reader<'d> {
    document: &'d Document,
    lines: Lines<'d>,
}

impl Reader<'_> {
    fn wrong(&self, field: &str, range: Range<usize>, problem: &str) -> SopsError {
        let place = Some(self.lines.place(&range));
        SopsError::CreationRule { field: field.to_owned(), problem: problem.to_owned(), place }
    }

    fn rules(&self, item: &Item) -> Result<Vec<CreationRule>, SopsError> {
        let list = match &item.node {
            Node::Collection(list) if !list.is_map => list,
            Node::Leaf(id) if self.value(*id).kind() == Kind::Null => return Ok(Vec::new()),
            _ => {
                return Err(self.wrong("creation_rules", item.range.clone(), "a list is expected"));
            }
        };
        let rule = |(at, item): (usize, &Item)| self.rule(&format!("creation_rules[{at}]"), item);
        list.items.iter().enumerate().map(rule).collect()
    }

    fn rule(&self, name: &str, item: &Item) -> Result<CreationRule, SopsError> {
        let Node::Collection(map) = &item.node else {
            return Err(self.wrong(name, item.range.clone(), "a map is expected"));
        };
        let mut rule = CreationRule { path_regex: None, rules: Rules::for_recipients(Vec::new()) };
        let mut selected = false;
        for item in &map.items {
            let field = format!("{name}.{}", item.key);
            match item.key.as_str() {
                "path_regex" => rule.path_regex = self.pattern(&field, item)?,
                "age" => rule.rules.recipients.extend(self.recipients(&field, item)?),
                "key_groups" => rule.rules.recipients.extend(self.groups(&field, item)?),
                "mac_only_encrypted" => rule.rules.mac_only_encrypted = self.flag(&field, item)?,
                "shamir_threshold" => self.threshold(&field, item)?,
                key if FOREIGN.contains(&key) => self.foreign(&field, item)?,
                key if FIELDS.contains(&key) => {
                    if let Some(selection) = self.selection(&field, item, selected)? {
                        rule.rules.selection = selection;
                        selected = true;
                    }
                }
                _ => return Err(self.wrong(&field, item.range.clone(), "there is no such field")),
            }
        }
        Ok(rule)
    }

    fn value(&self, id: usize) -> &Value {
        &self.document.leaves[id].value
    }

    /// Returns the text of a field; nothing if it is empty.
    fn text(&self, field: &str, item: &Item) -> Result<Option<&str>, SopsError> {
        let Node::Leaf(id) = item.node else {
            return Err(self.wrong(field, item.range.clone(), "text is expected"));
        };
        match (self.value(id).kind(), self.value(id).as_str()) {
            (Kind::Null, _) | (Kind::Text, Some("")) => Ok(None),
            (Kind::Text, Some(text)) => Ok(Some(text)),
            _ => Err(self.wrong(field, item.range.clone(), "text is expected: put it in quotes")),
        }
    }

    fn pattern(&self, field: &str, item: &Item) -> Result<Option<Pattern>, SopsError> {
        let text = self.text(field, item)?;
        let pattern = text.map(Pattern::new).transpose();
        pattern.map_err(|error| self.wrong(field, item.range.clone(), &error.to_string()))
    }

    fn flag(&self, field: &str, item: &Item) -> Result<bool, SopsError> {
        let flag = match item.node {
            Node::Leaf(id) => self.value(id).as_bool(),
            Node::Collection(_) => None,
        };
        flag.ok_or_else(|| self.wrong(field, item.range.clone(), "true or false is expected"))
    }

    fn selection(
        &self,
        field: &str,
        item: &Item,
        selected: bool,
    ) -> Result<Option<Selection>, SopsError> {
        let Some(text) = self.text(field, item)? else { return Ok(None) };
        if selected {
            let problem = "a rule has one field for what is encrypted, and this is a second one";
            return Err(self.wrong(field, item.range.clone(), problem));
        }
        let selection = Selection::of_field(&item.key, text);
        selection.map_err(|error| self.wrong(field, item.range.clone(), &error.to_string()))
    }

    /// Returns recipients written as a list, or in one text with commas between them.
    fn recipients(&self, field: &str, item: &Item) -> Result<Vec<Recipient>, SopsError> {
        match &item.node {
            Node::Collection(list) if !list.is_map => {
                let one = |(at, item): (usize, &Item)| self.named(&format!("{field}[{at}]"), item);
                list.items
                    .iter()
                    .enumerate()
                    .map(one)
                    .collect::<Result<Vec<_>, _>>()
                    .map(|all| all.concat())
            }
            _ => self.named(field, item),
        }
    }

    fn named(&self, field: &str, item: &Item) -> Result<Vec<Recipient>, SopsError> {
        let text = self.text(field, item)?.unwrap_or_default();
        let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
        let recipient = |name: &str| {
            name.parse::<Recipient>()
                .map_err(|error| self.wrong(field, item.range.clone(), &error.to_string()))
        };
        names.map(recipient).collect()
    }

    /// Returns the recipients of the only group of keys, with those of the groups merged into it.
    fn groups(&self, field: &str, item: &Item) -> Result<Vec<Recipient>, SopsError> {
        let groups = self.list(field, item)?;
        match &groups.items[..] {
            [] => Ok(Vec::new()),
            [group] => self.group(&format!("{field}[0]"), group),
            [_, second, ..] => {
                let problem = "several groups split the data key, which Windlass does not put together: \
                               name all recipients in one group";
                Err(self.wrong(field, second.range.clone(), problem))
            }
        }
    }

    fn list<'i>(&self, field: &str, item: &'i Item) -> Result<&'i Collection, SopsError> {
        match &item.node {
            Node::Collection(list) if !list.is_map => Ok(list),
            _ => Err(self.wrong(field, item.range.clone(), "a list is expected")),
        }
    }

    fn group(&self, field: &str, item: &Item) -> Result<Vec<Recipient>, SopsError> {
        let Node::Collection(group) = &item.node else {
            return Err(self.wrong(field, item.range.clone(), "a map is expected"));
        };
        let mut recipients = Vec::new();
        for item in &group.items {
            let field = format!("{field}.{}", item.key);
            match item.key.as_str() {
                "age" => recipients.extend(self.recipients(&field, item)?),
                "merge" => {
                    for (at, group) in self.list(&field, item)?.items.iter().enumerate() {
                        recipients.extend(self.group(&format!("{field}[{at}]"), group)?);
                    }
                }
                key if FOREIGN.contains(&key) => self.foreign(&field, item)?,
                _ => return Err(self.wrong(&field, item.range.clone(), "there is no such field")),
            }
        }
        Ok(recipients)
    }

    fn threshold(&self, field: &str, item: &Item) -> Result<(), SopsError> {
        let one = match item.node {
            Node::Leaf(id) => matches!(self.value(id).as_str(), Some("" | "0" | "1")),
            Node::Collection(_) => false,
        };
        let problem = "a data key split among groups is not supported";
        if one { Ok(()) } else { Err(self.wrong(field, item.range.clone(), problem)) }
    }

    /// Refuses keys of other providers: a file encrypted without them would lock their owners out.
    fn foreign(&self, field: &str, item: &Item) -> Result<(), SopsError> {
        let empty = match &item.node {
            Node::Leaf(id) => {
                self.value(*id).kind() == Kind::Null || self.value(*id).is_empty_text()
            }
            Node::Collection(list) => list.items.is_empty(),
        };
        let problem =
            format!("keys of {} are not supported: Windlass encrypts for age recipients", item.key);
        if empty { Ok(()) } else { Err(self.wrong(field, item.range.clone(), &problem)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: &str = "age1jh923mm5qvlpue25uvtm0xcw8e3qef4ktwm8yfpk2wswnd4hfdjsnclh8f";
    const BOB: &str = "age1dh2hndxpjev7j40w86fnvpghdn7rh8leu6m5ggsnnch9xauv7e0s7qh2k4";

    fn names(rules: Option<&Rules>) -> Vec<String> {
        rules
            .map(|rules| rules.recipients.iter().map(ToString::to_string).collect())
            .unwrap_or_default()
    }

    #[test]
    fn the_first_rule_that_fits_decides() {
        let text = format!(
            "creation_rules:\n    - path_regex: ^prod/\n      age: {ANN}\n      encrypted_regex: ^(data|stringData)$\n    \
             - path_regex: \\.env$\n      age: >-\n        {ANN},\n        {BOB}\n    - age: [{BOB}]\n      mac_only_encrypted: true\n"
        );
        let rules = CreationRules::parse(&text).expect("rules");
        let prod = rules.for_path("prod/x.env").expect("a rule");
        assert_eq!(names(Some(prod)), [ANN]);
        assert_eq!(prod.selection.field(), "encrypted_regex");
        assert_eq!(names(rules.for_path("test/x.env")), [ANN, BOB]);
        assert_eq!(names(rules.for_path("test/x.yaml")), [BOB]);
        assert!(rules.for_path("test/x.yaml").expect("a rule").mac_only_encrypted);
        assert_eq!(rules.rules().len(), 3);
    }

    #[test]
    fn one_group_of_age_keys_is_as_good_as_none() {
        let text = format!(
            "creation_rules:\n  - key_groups:\n      - merge:\n          - age: [{BOB}]\n        age:\n          - {ANN}\n"
        );
        assert_eq!(names(CreationRules::parse(&text).expect("rules").for_path("x")), [BOB, ANN]);
        let two = format!(
            "creation_rules:\n  - key_groups:\n      - age: [{ANN}]\n      - age: [{BOB}]\n"
        );
        let error = CreationRules::parse(&two).expect_err("two groups");
        assert!(
            error.to_string().starts_with("creation_rules[0].key_groups: several groups"),
            "{error}"
        );
    }

    #[test]
    fn what_cannot_be_followed_is_named_with_its_place() {
        for (rule, message) in [
            ("pgp: ABCD", "creation_rules[0].pgp: keys of pgp are not supported"),
            ("kms: [arn]", "creation_rules[0].kms: keys of kms are not supported"),
            (
                "age: age1yubikey1qx",
                "creation_rules[0].age: age1yubikey1qx: recipients of age plugins",
            ),
            ("age: [nobody]", "creation_rules[0].age[0]: nobody: not an age recipient"),
            ("path_regex: '('", "creation_rules[0].path_regex: `(` is not a regular expression"),
            ("encrypted_sufix: x", "creation_rules[0].encrypted_sufix: there is no such field"),
            ("shamir_threshold: 2", "creation_rules[0].shamir_threshold: a data key split"),
        ] {
            let text = format!("# rules\ncreation_rules:\n  - {rule}\n");
            let error = CreationRules::parse(&text).expect_err(rule);
            assert!(error.to_string().starts_with(message), "{error}");
            let SopsError::CreationRule { place, .. } = error else { panic!("{error}") };
            assert_eq!(place.map(|place| place.line), Some(3));
        }
    }

    #[test]
    fn two_fields_for_what_is_encrypted_contradict_each_other() {
        let text = "creation_rules:\n  - encrypted_suffix: _a\n    unencrypted_suffix: _b\n";
        assert!(CreationRules::parse(text).is_err());
        assert_eq!(CreationRules::parse("stores: {}\n").expect("no rules").for_path("x"), None);
        assert_eq!(CreationRules::parse("").expect("no rules").rules(), []);
    }
}
