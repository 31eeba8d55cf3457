//! Nodes to Rust types.

use std::fmt;

use serde::de::value::{MapDeserializer, SeqDeserializer, StrDeserializer};
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error as _, IntoDeserializer,
    VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::node::{Data, Node, Origin};
use crate::diagnostic::Diagnostic;

/// Returns `root` as a `T`, or what does not fit, placed at the innermost value.
pub(super) fn from_node<T: DeserializeOwned>(root: &Node) -> Result<T, Diagnostic> {
    T::deserialize(Reader(root)).map_err(|misfit| match misfit.origin {
        Some(origin) => origin.error(misfit.message),
        None => root.place().error(misfit.message),
    })
}

/// A value that does not fit its type.
#[derive(Debug)]
struct Misfit {
    message: String,
    origin: Option<Origin>,
}

impl Misfit {
    /// Forgets the message, in which serde quotes the value, if `node` is secret.
    fn masked(self, node: &Node) -> Self {
        let message =
            if node.secret { "secret does not fit here".to_owned() } else { self.message };
        Self { message, ..self }
    }

    fn at(mut self, node: &Node) -> Self {
        self.origin.get_or_insert_with(|| node.place());
        self
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Misfit {}

impl serde::de::Error for Misfit {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self { message: message.to_string(), origin: None }
    }
}

/// A node that is read into a type.
struct Reader<'de>(&'de Node);

impl<'de> IntoDeserializer<'de, Misfit> for Reader<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Reader<'de> {
    type Error = Misfit;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visit(self.0, visitor).map_err(|misfit| misfit.masked(self.0).at(self.0))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        let value = match self.0.data {
            Data::Null => visitor.visit_none(),
            _ => visitor.visit_some(Reader(self.0)),
        };
        value.map_err(|misfit| misfit.at(self.0))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        visitor.visit_newtype_struct(Reader(self.0)).map_err(|misfit| misfit.at(self.0))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        let choice = match &self.0.data {
            Data::String(variant) => Ok(Choice { variant, content: None }),
            Data::Map(map) if map.len() == 1 => map
                .first()
                .map(|(variant, content)| Choice { variant, content: Some(content) })
                .ok_or_else(|| Misfit::custom("empty map")),
            _ => Err(Misfit::custom("a name, or a map with one key, is expected")),
        };
        choice
            .and_then(|choice| visitor.visit_enum(choice))
            .map_err(|misfit| misfit.masked(self.0).at(self.0))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

fn visit<'de, V: Visitor<'de>>(node: &'de Node, visitor: V) -> Result<V::Value, Misfit> {
    match &node.data {
        Data::Null => visitor.visit_unit(),
        Data::Bool(flag) => visitor.visit_bool(*flag),
        Data::Integer(number) => match (i64::try_from(*number), u64::try_from(*number)) {
            (Ok(number), _) => visitor.visit_i64(number),
            (_, Ok(number)) => visitor.visit_u64(number),
            _ => visitor.visit_i128(*number),
        },
        Data::Float(number) => visitor.visit_f64(*number),
        Data::String(text) => visitor.visit_borrowed_str(text),
        Data::List(list) => {
            let mut elements = SeqDeserializer::new(list.iter().map(Reader));
            let value = visitor.visit_seq(&mut elements)?;
            elements.end().map(|()| value)
        }
        Data::Map(map) => {
            let mut entries =
                MapDeserializer::new(map.iter().map(|(k, v)| (k.as_str(), Reader(v))));
            let value = visitor.visit_map(&mut entries)?;
            entries.end().map(|()| value)
        }
    }
}

/// The variant of an enum, with what it holds.
struct Choice<'de> {
    variant: &'de str,
    content: Option<&'de Node>,
}

impl<'de> EnumAccess<'de> for Choice<'de> {
    type Error = Misfit;
    type Variant = Content<'de>;

    fn variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<(S::Value, Content<'de>), Misfit> {
        let name: StrDeserializer<'de, Misfit> = self.variant.into_deserializer();
        Ok((seed.deserialize(name)?, Content(self.content)))
    }
}

struct Content<'de>(Option<&'de Node>);

impl<'de> Content<'de> {
    fn needed(self) -> Result<Reader<'de>, Misfit> {
        self.0
            .map(Reader)
            .ok_or_else(|| Misfit::custom("a map with the name as its key is expected"))
    }
}

impl<'de> VariantAccess<'de> for Content<'de> {
    type Error = Misfit;

    fn unit_variant(self) -> Result<(), Misfit> {
        match self.0 {
            None | Some(Node { data: Data::Null, .. }) => Ok(()),
            Some(node) => Err(Misfit::custom("nothing is expected here").at(node)),
        }
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Misfit> {
        seed.deserialize(self.needed()?)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Misfit> {
        self.needed()?.deserialize_any(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        self.needed()?.deserialize_any(visitor)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::super::{Format, parse};
    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Server {
        host: String,
        port: u16,
        #[serde(default)]
        ratio: Option<f64>,
        mode: Mode,
        #[serde(default)]
        limits: BTreeMap<String, u64>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Mode {
        Plain,
        Links(u8),
        Both { first: bool },
    }

    fn read(text: &str) -> Result<Server, String> {
        let node = parse(Format::Yaml, "s.yaml", text).expect(text);
        from_node(&node).map_err(|error| error.to_string())
    }

    #[test]
    fn values_become_types() {
        let server =
            read("host: h\nport: 80\nratio: 1\nmode: plain\nlimits: {a: 18446744073709551615}");
        let limits = BTreeMap::from([("a".to_owned(), u64::MAX)]);
        let expected =
            Server { host: "h".into(), port: 80, ratio: Some(1.0), mode: Mode::Plain, limits };
        assert_eq!(server, Ok(expected));
        let mode = |text: &str| read(&format!("host: h\nport: 1\nmode: {text}")).map(|s| s.mode);
        assert_eq!(mode("{links: 3}"), Ok(Mode::Links(3)));
        assert_eq!(mode("{both: {first: true}}"), Ok(Mode::Both { first: true }));
    }

    #[test]
    fn misfits_do_not_quote_secrets() {
        for text in ["host: h\nport: 70000\nmode: plain", "host: h\nport: s3cr3t\nmode: plain"] {
            let mut node = parse(Format::Yaml, "s.yaml", text).expect(text);
            node.child_mut("port").expect("a port").secret = true;
            let error = from_node::<Server>(&node).expect_err("does not fit");
            assert_eq!(error.to_string(), "s.yaml:2:7: secret does not fit here");
        }
    }

    #[test]
    fn misfits_are_placed_at_the_innermost_value() {
        let error = read("host: h\nport: 70000\nmode: plain").expect_err("too large");
        assert!(error.starts_with("s.yaml:2:7: invalid value: integer `70000`"), "{error}");
        let error = read("host: h\nport: 1\nmode: plain\nlimits:\n  a: x").expect_err("no number");
        assert!(error.starts_with("s.yaml:5:6: invalid type: string \"x\""), "{error}");
        let error = read("host: h\nport: 1\nmode: other").expect_err("no such variant");
        assert!(error.starts_with("s.yaml:3:7: unknown variant `other`"), "{error}");
        let error = read("host: h\nport: 1\nmode: {plain: 1}").expect_err("a unit variant");
        assert_eq!(error, "s.yaml:3:15: nothing is expected here");
        let error = read("port: 1\nmode: plain").expect_err("no host");
        assert_eq!(error, "s.yaml:1:1: missing field `host`");
    }
}
