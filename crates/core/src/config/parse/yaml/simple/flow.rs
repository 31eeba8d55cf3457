//! Flow collections that end on their line.

use super::scalar::Within;
use super::{DEPTH, Reader};
use crate::config::node::{Data, Map, Node};

impl Reader<'_> {
    /// Returns the scalar or flow collection that starts here.
    pub(super) fn one_line(&mut self, depth: usize) -> Option<Node> {
        match self.peek()? {
            b'[' => self.flow_list(depth),
            b'{' => self.flow_map(depth),
            _ => self.scalar(Within::Block),
        }
    }

    fn flow_value(&mut self, depth: usize) -> Option<Node> {
        match self.peek()? {
            b'[' => self.flow_list(depth),
            b'{' => self.flow_map(depth),
            _ => self.scalar(Within::Flow),
        }
    }

    fn flow_list(&mut self, depth: usize) -> Option<Node> {
        let span = self.span(self.at, self.at + 1);
        let mut list = Vec::new();
        let mut more = self.enter(b']', depth)?;
        while more {
            list.push(self.flow_value(depth + 1)?);
            more = self.separator(b']')?;
        }
        self.node(Data::List(list), span)
    }

    fn flow_map(&mut self, depth: usize) -> Option<Node> {
        let span = self.span(self.at, self.at + 1);
        let mut map = Map::new();
        let mut more = self.enter(b'}', depth)?;
        while more {
            let colon = self.flow_key_end()?;
            let key = self.key(colon)?;
            self.skip_spaces();
            let node = self.flow_value(depth + 1)?;
            self.insert(&mut map, key, node)?;
            more = self.separator(b'}')?;
        }
        self.node(Data::Map(Box::new(map)), span)
    }

    /// Goes into a collection that `close` ends; tells whether there is anything in it.
    fn enter(&mut self, close: u8, depth: usize) -> Option<bool> {
        if depth > DEPTH {
            return None;
        }
        self.at += 1;
        self.skip_spaces();
        let empty = self.peek()? == close;
        self.at += usize::from(empty);
        Some(!empty)
    }

    /// Goes over what follows a value; tells whether another comes.
    fn separator(&mut self, close: u8) -> Option<bool> {
        self.skip_spaces();
        let next = self.peek()?;
        self.at += 1;
        match next {
            b',' => {
                self.skip_spaces();
                Some(true)
            }
            _ if next == close => Some(false),
            _ => None,
        }
    }
}
